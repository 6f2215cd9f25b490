"""Plain, slow answers to the questions that the engines answer fast; written for clarity, from the rules and not from the engines."""
