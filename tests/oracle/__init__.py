"""Plain, slow answers to what the engines answer fast; written for clarity, from the rules and not from the engines."""
