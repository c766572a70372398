"""All tables together: importing this enters them in `metadata`, which migrations are compared with."""

from jobs.db.tables import (
    chat,
    chat_delivery,
    clients,
    control,
    documents,
    greetings,
    guard,
    operating,
    pictures,
    predictions,
    safety,
    sending,
    wallet,
    work,
    worlds,
)
from jobs.db.tables.columns import metadata

__all__ = [
    "chat",
    "chat_delivery",
    "clients",
    "control",
    "documents",
    "greetings",
    "guard",
    "metadata",
    "operating",
    "pictures",
    "predictions",
    "safety",
    "sending",
    "wallet",
    "work",
    "worlds",
]
