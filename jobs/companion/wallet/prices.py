"""What does a job cost, and whom? Jobs of Telegram's users only, and of a tree of jobs its root only."""

import re
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from uuid import UUID

from jobs.owners import CHAT
from jobs.settings import EconomySettings

Item = Literal["reply", "picture", "photo", "automatic_picture", "analysis"]
Money = Literal["energy", "diamonds"]

UNITS: dict[Item, Money] = {
    "reply": "energy",
    "picture": "diamonds",
    "photo": "diamonds",
    "automatic_picture": "diamonds",
    "analysis": "diamonds",
}
# unless the job's metadata say {"item": …}
ITEMS: dict[str, Item] = {"generate_reply": "reply", "generate_image": "picture", "run_ollama_analysis": "analysis"}
OWNER = re.compile(rf"{CHAT}([0-9]{{1,18}})")


class Payable(Protocol):
    """A job, or one that is to be."""

    @property
    def id(self) -> UUID: ...
    @property
    def kind(self) -> str: ...
    @property
    def owner(self) -> str: ...
    @property
    def metadata(self) -> dict[str, Any]: ...
    @property
    def parent_id(self) -> UUID | None: ...


@dataclass(frozen=True)
class Price:
    unit: Money
    amount: int
    item: Item


def payer(owner: str) -> int | None:
    """The id of the person who pays for the jobs of this owner; None if nobody does."""
    found = OWNER.fullmatch(owner)
    return int(found[1]) if found else None


def item_of(job: Payable) -> Item | None:
    """None for what is free: also what follows from a job that was paid for."""
    if job.parent_id is not None:
        return None
    named = job.metadata.get("item")
    return next((item for item in UNITS if item == named), ITEMS.get(job.kind))


def price(economy: EconomySettings, item: Item) -> Price:
    return Price(UNITS[item], int(getattr(economy, f"price_{item}")), item)
