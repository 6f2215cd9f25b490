"""Proximity in the worker and the replay: reads for `geofence.proximity`, keeps its state, and gives what is to be written."""
