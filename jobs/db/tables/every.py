"""All tables together: importing this enters them in `metadata`, which migrations are compared with."""

from jobs.db.tables import chat, clients, control, guard, sending, wallet, work
from jobs.db.tables.columns import metadata

__all__ = ["chat", "clients", "control", "guard", "metadata", "sending", "wallet", "work"]
