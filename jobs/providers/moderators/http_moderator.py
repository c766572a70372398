"""A moderator of the operator's own, by the smallest wire that will do.

Asked: `{"messages": [{"role": "user" | "assistant", "content": "…"}], "model": "…"}`, where the last message is the one
in question. To answer: `{"flagged": true | false, "categories": ["…"]}`.
"""

import httpx

from jobs.providers.moderators.json_post import post, unreadable
from jobs.providers.moderators.moderator import Said, Verdict


class HttpModerator:
    provider = "moderator"

    def __init__(self, client: httpx.AsyncClient, *, url: str, model: str, key: str, timeout: float) -> None:
        self.client = client
        self.url = url
        self.model = model
        self.key = key
        self.timeout = timeout

    async def check(self, said: Said) -> Verdict:
        body = {"messages": [{"role": who, "content": text} for who, text in said], "model": self.model}
        answer = await post(self.client, self.url, body, key=self.key, timeout=self.timeout)
        flagged = answer.get("flagged") if isinstance(answer, dict) else None
        if not isinstance(flagged, bool):
            raise unreadable()
        named = answer.get("categories")
        categories = [str(each).lower() for each in named] if isinstance(named, list) else []
        return Verdict(flagged, tuple(sorted(set(categories))))
