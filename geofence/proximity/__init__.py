"""Proximity: which vehicles of a tenant were together, and for how long. Pure; `ingest.proximity` reads and writes for it."""
