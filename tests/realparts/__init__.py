"""The real parts that tests run against: Mosquitto, TimescaleDB, PostgreSQL, Chromium. Started here, stopped here.

Every server listens on an ephemeral port of 127.0.0.1, keeps its data in a directory of its own and goes away with
the test run, also when that is killed.
"""
