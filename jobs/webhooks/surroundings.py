"""What an operator has set for webhooks, read once in each process."""

from functools import lru_cache

from jobs.settings import PublicSettings, WebhookSettings, load


class Surroundings(WebhookSettings, PublicSettings):
    """Who may be sent to, and the base of the addresses that a webhook names."""


@lru_cache(maxsize=1)
def surroundings() -> Surroundings:
    return load(Surroundings)
