"""Tables, the connection to them, and one module of queries for each table."""
