"""A person's data as a document that they can keep: JSON, with each conversation's messages in their order."""

import json
from typing import Any

from jobs.db.people.personal_data import Rows

AS_THEY_ARE = (
    "jobs", "files", "documents", "comparisons", "chat_analyses", "report_preferences", "page_sessions", "worlds",
    "wallet", "payments",
)  # fmt: skip


def document(found: dict[str, Rows]) -> bytes:
    messages: dict[int, Rows] = {}
    for each in found["messages"]:
        messages.setdefault(each["dialog_id"], []).append({key: each[key] for key in ("role", "content", "created_at")})
    dialogs = [{**each, "messages": messages.get(each["id"], [])} for each in found["dialogs"]]
    whole: dict[str, Any] = {
        "profile": found["profile"][0] if found["profile"] else None,
        "dialogs": dialogs,
        **{name: found[name] for name in AS_THEY_ARE},
    }
    # moments and ids are written as everybody writes them
    return json.dumps(whole, ensure_ascii=False, indent=1, default=str).encode()
