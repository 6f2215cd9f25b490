"""The servers that Outrider brings along: a PostgreSQL and an MQTT broker, as child processes of `outrider up`."""
