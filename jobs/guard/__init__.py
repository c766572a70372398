"""The fleet's one way to call a provider: breaker, slots, budgets and the log of calls, all of it in PostgreSQL."""
