"""Pictures by remote providers: who is asked next, what was ordered, and what becomes of an order."""
