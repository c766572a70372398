"""POST /moderations as OpenAI has it, and whoever speaks its protocol."""

import httpx

from jobs.providers.moderators.json_post import post, unreadable
from jobs.providers.moderators.moderator import Said, Verdict


class OpenAIModerations:
    """`base_url` ends in /v1."""

    provider = "moderator"

    def __init__(self, client: httpx.AsyncClient, *, base_url: str, model: str, key: str, timeout: float) -> None:
        self.client = client
        self.url = f"{base_url.rstrip('/')}/moderations"
        self.model = model
        self.key = key
        self.timeout = timeout

    async def check(self, said: Said) -> Verdict:
        """Every message is judged: each one for itself means something else than all together."""
        body = {"model": self.model, "input": [text for _, text in said]}
        answer = await post(self.client, self.url, body, key=self.key, timeout=self.timeout)
        try:
            results = [(bool(each["flagged"]), dict(each.get("categories") or {})) for each in answer["results"]]
        except (LookupError, TypeError, ValueError, AttributeError):
            raise unreadable() from None
        if not results:
            raise unreadable()
        found = {name.lower() for flagged, categories in results if flagged for name, hit in categories.items() if hit}
        return Verdict(any(flagged for flagged, _ in results), tuple(sorted(found)))
