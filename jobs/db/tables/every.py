"""All tables together: importing this enters them in `metadata`, which migrations are compared with."""

from jobs.db.tables import (
    chat,
    chat_analyses,
    chat_delivery,
    clients,
    control,
    documents,
    greetings,
    guard,
    operating,
    pages,
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
    "chat_analyses",
    "chat_delivery",
    "clients",
    "control",
    "documents",
    "greetings",
    "guard",
    "metadata",
    "operating",
    "pages",
    "pictures",
    "predictions",
    "safety",
    "sending",
    "wallet",
    "work",
    "worlds",
]
