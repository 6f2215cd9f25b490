"""Movement of vehicles: moving and standing, trips, idling, speeding and silence."""
