"""The store on PostgreSQL, with TimescaleDB where the server has it, through psycopg 3."""
