"""A provider that takes jobs over HTTP, as its operator describes it: an order, looks at it, a picture in the end."""

import base64
import contextlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from jobs.providers.image_failures import (
    Blocked,
    CouldNotDraw,
    DrawingFailed,
    ImageFailure,
    OrderUnknown,
    Rejected,
    Unreadable,
    WronglySetUp,
    refusal,
)
from jobs.providers.image_http import Asked, ImageHttp, Reply
from jobs.providers.image_provider import Drawn, ImageProvider, ImageRequest, Ordered
from jobs.providers.json_pointer import NothingThere, at
from jobs.providers.json_template import filled
from jobs.providers.llm_failures import ABOUT_CONTENT, redacted
from jobs.providers.picture_bytes import looked_at
from jobs.providers.png_texts import without_texts

ANSWER_SECONDS = 60.0
ADDRESS = re.compile(r"https?://", re.IGNORECASE)
# between the provider's name for an order and the second in which it was placed
SINCE = " "
PREDICTION_ID = re.compile(r"[\w.:=+@~-]{1,200}", re.ASCII)


@dataclass(frozen=True)
class Step:
    """`url`, `headers` and `body` may hold {names}; an empty url: there is no such step."""

    method: str = "GET"
    url: str = ""
    body: Any = None


@dataclass(frozen=True)
class Wire:
    """How it is asked, and where in its answers what stands; JSON pointers. `hosts`: where its pictures may be.

    `look_after`: seconds from one look to the next. `calls_back`: it says when it is done, and a look is only worth it
    when that is overdue. `given_up_after`: seconds after which nobody waits for an order any more.
    """

    submit: Step
    look: Step
    cancel: Step
    headers: Mapping[str, str]
    id_at: str
    status_at: str
    done: frozenset[str]
    failed: frozenset[str]
    picture_at: str
    error_at: str
    hosts: frozenset[str]
    look_after: float = 5.0
    calls_back: bool = False
    overdue_after: float = 300.0
    given_up_after: float = 1800.0
    picture_headers: Mapping[str, str] = field(default_factory=dict)


class HttpJob(ImageProvider):
    """`name` as in IMAGE_PROVIDERS; `settings` names those of its key, address, model and hosts. `timeout` bounds one
    answer, not the drawing.

    An order that answers with the picture itself is as good as one that has to be looked at.
    """

    orders = True

    def __init__(
        self, client: httpx.AsyncClient, *, name: str, wire: Wire, key: str, model: str, settings: Mapping[str, str],
        timeout: float = ANSWER_SECONDS,
    ) -> None:  # fmt: skip
        self.provider = name
        self.model = model or "default"
        self.wire = wire
        self.settings = settings
        self.timeout = timeout
        self.http = ImageHttp(client, name=name, settings=settings, secrets=[key], refused=self._refusal)
        self.values = {"key": key, "model": model}

    async def draw(self, request: ImageRequest) -> Drawn | Ordered:
        values = {
            **self.values, "prompt": request.prompt, "negative_prompt": request.negative_prompt, "seed": request.seed,
            "width": request.width, "height": request.height, "order_id": str(request.order_id),
            "callback_url": request.callback_url,
        }  # fmt: skip
        reply = await self._ask(self.wire.submit, values, request)
        answer = _json(reply.body)
        if (picture := _found(answer, self.wire.picture_at)) and not self._is_pending(answer):
            return await self._picture(picture, reply)
        prediction_id = f"{self._prediction_id(answer, request.order_id)}{SINCE}{time.time():.0f}"
        return self._ordered(prediction_id, reply, pushes=bool(request.callback_url))

    def callback_url(self, public_url: str, order_id: UUID) -> str | None:
        return f"{public_url}/callbacks/{self.provider}/{order_id}" if self.wire.calls_back else None

    async def collect(self, prediction_id: str) -> Drawn | Ordered:
        reply = await self._look(prediction_id)
        answer = _json(reply.body)
        status = _found(answer, self.wire.status_at)
        if status is None:
            raise Unreadable(f"{self.http.who} says nothing at {self.wire.status_at}.")
        if _word(status) in self.wire.failed:
            raise self._failed(answer)
        if _word(status) not in self.wire.done:
            await self._require_time(prediction_id)
            return self._ordered(prediction_id, reply, pushes=False)
        picture = _found(answer, self.wire.picture_at)
        if not picture:
            raise Unreadable(f"{self.http.who} says that it is done and shows no picture at {self.wire.picture_at}.")
        return await self._picture(picture, reply)

    async def cancel(self, prediction_id: str) -> None:
        if not self.wire.cancel.url:
            return
        try:
            await self._ask(self.wire.cancel, {**self.values, "id": _id_in(prediction_id)})
        except ImageFailure as failure:
            # it is over, or was never there
            if failure.status not in (404, 409, 410, 422):
                raise

    async def _require_time(self, prediction_id: str) -> None:
        ordered_at = float(prediction_id.rpartition(SINCE)[2])
        if time.time() - ordered_at < self.wire.given_up_after:
            return
        with contextlib.suppress(ImageFailure):
            await self.cancel(prediction_id)
        raise DrawingFailed(f"{self.http.who} was not done within {self.wire.given_up_after:.0f} s.")

    async def probe(self) -> None:
        """Whether anything answers at its address: there is nothing that every such provider could be asked."""
        try:
            await self._ask(self.wire.look, {**self.values, "id": "0"})
        except (WronglySetUp, Rejected) as refused:
            # that there is no order 0 is an answer as well
            if refused.status in (401, 403) or refused.status is None:
                raise

    async def _look(self, prediction_id: str) -> Reply:
        try:
            return await self._ask(self.wire.look, {**self.values, "id": _id_in(prediction_id)})
        except ImageFailure as failure:
            if failure.status == 404:
                raise CouldNotDraw(f"{self.http.who} does not know the order any more.") from None
            raise

    async def _ask(self, step: Step, values: Mapping[str, Any], order: ImageRequest | None = None) -> Reply:
        url = filled(step.url, {name: quote(_word(value), safe="") for name, value in values.items()})
        headers = {name: _word(filled(text, values)) for name, text in self.wire.headers.items()}
        body = None if step.body is None else filled(step.body, values)
        asked = Asked(step.method, url, body, headers, order.order_id if order else None)
        return await self.http.ask(asked, self.timeout)

    def _ordered(self, prediction_id: str, reply: Reply, *, pushes: bool) -> Ordered:
        pushes = pushes and self.wire.calls_back
        look_in = self.wire.overdue_after if pushes else self.wire.look_after
        return Ordered(prediction_id, look_in, pushes, reply.request_id)

    def _prediction_id(self, answer: Any, order_id: UUID) -> str:
        found = _word(_found(answer, self.wire.id_at))
        if PREDICTION_ID.fullmatch(found):
            return found
        words = _word(_found(answer, self.wire.error_at))
        if not words:
            # it said yes in some way, and not to what
            raise OrderUnknown(self.provider, order_id)
        if ABOUT_CONTENT.search(words):
            raise Blocked(f"{self.http.who} refused this content.")
        raise Rejected(f"{self.http.who} took no order ({redacted(words)}).")

    def _is_pending(self, answer: Any) -> bool:
        status = _found(answer, self.wire.status_at)
        return status is not None and _word(status) not in self.wire.done

    def _failed(self, answer: Any) -> ImageFailure:
        words = redacted(_word(_found(answer, self.wire.error_at)))
        if ABOUT_CONTENT.search(words):
            return Blocked(f"{self.http.who} refused this content.")
        return DrawingFailed(f"{self.http.who} could not draw it ({words}).")

    async def _picture(self, picture: Any, reply: Reply) -> Drawn:
        picture = picture[0] if isinstance(picture, list) and picture else picture
        if not isinstance(picture, str):
            raise Unreadable(f"{self.http.who} shows no picture at {self.wire.picture_at}.")
        if ADDRESS.match(picture):
            data = await self.http.fetch(picture, hosts=self.wire.hosts, headers=self.wire.picture_headers)
        else:
            data = self._decoded(picture)
        content_type = await looked_at(data, self.http.who)
        return Drawn(without_texts(data), content_type, request_id=reply.request_id)

    def _decoded(self, picture: str) -> bytes:
        try:
            return base64.b64decode(
                picture.partition(",")[2] if picture.startswith("data:") else picture, validate=True
            )
        except ValueError:
            raise Unreadable(f"{self.http.who} sent a picture that is neither an address nor base64.") from None

    def _refusal(self, status: int, body: str, headers: Mapping[str, str]) -> ImageFailure:
        words = _word(_found(_json(body), self.wire.error_at)) or body
        return refusal(status, words, headers, name=self.provider, settings=self.settings)


def _id_in(prediction_id: str) -> str:
    """The provider's own name, without the time of the order."""
    return prediction_id.rpartition(SINCE)[0]


def _found(document: Any, pointer: str) -> Any:
    """None where nothing stands, and where no place was named."""
    try:
        return at(document, pointer) if pointer else None
    except NothingThere:
        return None


def _word(value: Any) -> str:
    """As JSON writes it, without quotes: 1, true, done."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _json(body: str | bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
