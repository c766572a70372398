"""What a remote provider is asked to draw, and what came of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from jobs.providers.image_provider import Drawn


@dataclass(frozen=True)
class Wanted:
    prompt: str
    negative_prompt: str
    seed: int
    width: int
    height: int


@dataclass(frozen=True)
class Painted:
    """`order_id`: the order that is over when this is stored, where it took one."""

    drawn: "Drawn"
    provider: str
    model: str
    order_id: UUID | None = None
