"""The API's words as pydantic models: what may come in, and how what goes out is documented."""
