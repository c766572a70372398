"""What every provider of pictures looks like to a kind, and to the guard around its calls."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class ImageRequest:
    """`order_id` is our own name for it, the same when a run asks again after a crash.

    `callback_url`: where the provider may say that it is done, if it can; None: nobody reaches us.
    """

    prompt: str
    negative_prompt: str
    seed: int
    width: int
    height: int
    order_id: UUID
    callback_url: str | None = None


@dataclass(frozen=True)
class Drawn:
    """A picture whose bytes were looked at: `content_type` is what they are. `cost` in US dollars, where it is known.

    `seed`: the one that was used, where the provider tells. `usage` as in `jobs.usage`.
    """

    data: bytes
    content_type: str
    seed: int | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    cost: float | None = None
    request_id: str = ""


@dataclass(frozen=True)
class Ordered:
    """It is being drawn. `look_in`: seconds until a look is worth it (`collect`), where no callback came before that.

    `pushes`: the provider will call the request's `callback_url`; then `look_in` is when that is overdue.
    """

    prediction_id: str
    look_in: float
    pushes: bool = False
    request_id: str = ""


class ImageProvider(ABC):
    """Raises the errors of jobs.errors, nothing else; `jobs.providers.failure_class` tells what each means.

    `provider` is its name in IMAGE_PROVIDERS, `model` what draws there: both are in logs and in the picture's
    fingerprint. `orders`: what `draw` begins is paid for and goes on without us. Then the order is written down before
    it is placed, it is never placed twice, and OrderUnknown is raised where nobody knows whether it was taken.
    """

    provider: str
    model: str
    orders: bool = False

    @abstractmethod
    async def draw(self, request: ImageRequest) -> Drawn | Ordered:
        """Cancelled, what goes on there is stopped as far as that is possible without its id."""

    async def collect(self, prediction_id: str) -> Drawn | Ordered:
        """One look at what was ordered: the picture is fetched if it is done. Raises what the drawing failed with."""
        raise NotImplementedError(f"{self.provider} answers at once: there is nothing to collect ({prediction_id})")

    async def cancel(self, prediction_id: str) -> None:  # noqa: B027 - nothing to do for who answers at once
        """What is over is left alone."""

    async def find(self, request: ImageRequest, since: datetime, known: Collection[str] = ()) -> str | None:
        """The id of an order of which no answer came, none of the `known` ones. None: it was not taken.

        Raises OrderUnknown if that cannot be told.
        """
        from jobs.providers.image_failures import OrderUnknown

        del since, known
        raise OrderUnknown(self.provider, request.order_id)

    def callback_url(self, public_url: str, order_id: UUID) -> str | None:
        """Where it may say that this order is done; None: it does not call, or not there."""
        del public_url, order_id
        return None

    async def callback_secret(self) -> str | None:
        """What its calls are signed with; None: with nothing, and only who was told an order's address can call it."""
        return None

    @abstractmethod
    async def probe(self) -> None:
        """Whether it would draw, for as little as possible. Raises what `draw` raises."""
