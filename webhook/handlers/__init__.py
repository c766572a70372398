"""One module for each thing that a person may do. Handlers touch the database only, inside one transaction."""
