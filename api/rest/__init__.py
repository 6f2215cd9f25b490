"""The REST interface: one router a kind of thing."""
