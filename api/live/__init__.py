"""Live: the newest position of each vehicle, and everything that streams it to screens."""
