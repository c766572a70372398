"""One outside system a module. They know no database and no queue."""
