"""The parts of the worker's loop: gathering messages, writing commits, taking up the work again, saying how it is."""
