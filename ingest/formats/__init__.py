"""Wire formats, one a file: pure `bytes -> fixes`, no clock, no I/O; nothing that comes in makes one raise."""
