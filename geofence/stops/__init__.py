"""Stops of routes: which stop a vehicle has reached, left, skipped, and how sure it is to be late at the next ones."""
