"""One channel a module. They know no database and no queue."""
