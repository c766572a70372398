"""Replicate: a picture is ordered, it calls back or is looked at, and is fetched before it is deleted an hour later."""

import math
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID

import httpx

from jobs.providers import replicate_prediction as reading
from jobs.providers import replicate_refusals
from jobs.providers.image_failures import CouldNotDraw, ImageFailure, OrderUnknown, Unreadable
from jobs.providers.image_http import Asked, ImageHttp, Reply
from jobs.providers.image_provider import Drawn, ImageProvider, ImageRequest, Ordered
from jobs.providers.json_template import filled
from jobs.providers.picture_bytes import looked_at
from jobs.providers.replicate_prediction import Prediction

FILES = "*.replicate.delivery"
# how long an order may be held open for its picture where nobody can call us back, and how long any other answer takes
HELD_SECONDS = 60
ANSWER_SECONDS = 15.0
# to a look where it calls back, and where it does not
OVERDUE_SECONDS = 120.0
LOOK_SECONDS = 5.0
# the clocks of two machines, and pages of a hundred orders each
SKEW = timedelta(minutes=5)
MOST_PAGES = 10
# where webhook/callbacks listens
CALLBACK_PATH = "/callbacks/replicate"
# all models take as much
SEEDS = 2**32
RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21", "4:5", "5:4")


class Replicate(ImageProvider):
    """`timeout`: seconds after which it gives a picture up. `template`: what the model takes, with {names} to fill."""

    provider = "replicate"
    orders = True

    def __init__(
        self, client: httpx.AsyncClient, *, base_url: str, token: str, model: str, timeout: int,
        template: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self.base_url = base_url.rstrip("/")
        self.headers = {"Authorization": f"Bearer {token}"}
        self.model = model
        self.timeout = timeout
        self.answer_seconds, self.held_seconds = ANSWER_SECONDS, HELD_SECONDS
        self.template = dict(template)
        self.http = ImageHttp(
            client,
            name="replicate",
            settings=replicate_refusals.SETTINGS,
            secrets=[token],
            refused=replicate_refusals.refused,
        )
        # what stands in for it keeps its files itself
        self.hosts = {FILES, urlsplit(self.base_url).hostname or ""}

    def callback_url(self, public_url: str, order_id: UUID) -> str | None:
        """It calls no address without TLS, but what stands in for it does."""
        if not public_url.startswith("https://") and self.base_url.startswith("https://"):
            return None
        return f"{public_url}{CALLBACK_PATH}?order={order_id}"

    async def draw(self, request: ImageRequest) -> Ordered:
        asked = Asked("POST", self._url("predictions"), self._order(request), self._terms(request), request.order_id)
        held = 0 if request.callback_url else self.held_seconds
        reply = await self.http.ask(asked, self.answer_seconds + held)
        try:
            prediction = reading.read(reply.json())
        except Unreadable:
            raise OrderUnknown(self.provider, request.order_id) from None
        return self._ordered(prediction, reply, pushes=bool(request.callback_url))

    async def collect(self, prediction_id: str) -> Drawn | Ordered:
        reply = await self._get(f"predictions/{quote(prediction_id, safe='')}")
        prediction = reading.read(reply.json())
        if not prediction.is_over:
            return self._ordered(prediction, reply, pushes=False)
        address = reading.picture_address(prediction, self.http.who)
        data = reading.inline(address, self.http.who) or await self._fetched(address)
        content_type = await looked_at(data, self.http.who)
        usage = {"provider_seconds": prediction.seconds} if prediction.seconds is not None else {}
        return Drawn(data, content_type, usage=usage, request_id=prediction.id)

    async def cancel(self, prediction_id: str) -> None:
        url = self._url(f"predictions/{quote(prediction_id, safe='')}/cancel")
        try:
            await self.http.ask(Asked("POST", url, headers=self.headers), self.answer_seconds)
        except ImageFailure as failure:
            if failure.status not in (404, 409, 422):
                raise

    async def find(self, request: ImageRequest, since: datetime, known: Collection[str] = ()) -> str | None:
        """Among the account's latest orders, by what was asked for."""
        wanted = self._input(request)
        async for each in self._latest(since - SKEW):
            # it may have filled in what the model takes when nothing is said
            if each.id not in known and wanted.items() <= each.input.items():
                return each.id
        return None

    async def probe(self) -> None:
        name = self.model.partition(":")[0]
        await self._get(f"models/{name}" if "/" in name else "account")

    async def callback_secret(self) -> str:
        """What it signs its calls back with."""
        answer = (await self._get("webhooks/default/secret")).json()
        secret = answer.get("key") if isinstance(answer, dict) else None
        if not isinstance(secret, str):
            raise Unreadable(f"{self.http.who} answered without the secret of its webhooks.")
        return secret

    def _order(self, request: ImageRequest) -> dict[str, Any]:
        order: dict[str, Any] = {"version": self.model, "input": self._input(request)}
        if request.callback_url:
            order |= {"webhook": request.callback_url, "webhook_events_filter": ["completed"]}
        return order

    def _terms(self, request: ImageRequest) -> dict[str, str]:
        terms = {**self.headers, "Cancel-After": f"{self.timeout}s"}
        return terms if request.callback_url else {**terms, "Prefer": f"wait={self.held_seconds}"}

    def _input(self, request: ImageRequest) -> dict[str, Any]:
        values = {
            "prompt": request.prompt,
            "negative_prompt": request.negative_prompt or None,
            "seed": request.seed % SEEDS,
            "width": request.width,
            "height": request.height,
            "aspect_ratio": nearest_ratio(request.width, request.height),
        }
        return dict(filled(self.template, values))

    def _ordered(self, prediction: Prediction, reply: Reply, *, pushes: bool) -> Ordered:
        seconds = OVERDUE_SECONDS if pushes else LOOK_SECONDS
        return Ordered(prediction.id, 0.0 if prediction.is_over else seconds, pushes, reply.request_id or prediction.id)

    async def _latest(self, since: datetime) -> AsyncIterator[Prediction]:
        """The newest first. Raises Unreadable where there are more than anybody looks through."""
        url = self._url("predictions")
        for _ in range(MOST_PAGES):
            page = (await self.http.ask(Asked("GET", url, headers=self.headers), self.answer_seconds)).json()
            found, following = reading.page(page, self.http.who)
            for each in found:
                if each.created_at < since:
                    return
                yield each
            if not following:
                return
            url = self._own(following)
        raise Unreadable(f"{self.http.who} has too many orders to look through.")

    def _own(self, address: str) -> str:
        """Our key goes nowhere else, whatever an answer names."""
        if urlsplit(address)[:2] != urlsplit(self.base_url)[:2]:
            raise Unreadable(f"{self.http.who} names a page of another server.")
        return address

    async def _get(self, path: str) -> Reply:
        try:
            return await self.http.ask(Asked("GET", self._url(path), headers=self.headers), self.answer_seconds)
        except ImageFailure as failure:
            if failure.status == 404 and path.startswith("predictions/"):
                raise CouldNotDraw(f"{self.http.who} does not know the order any more.") from None
            raise

    async def _fetched(self, address: str) -> bytes:
        is_safe = address.startswith("https://") or urlsplit(address)[:2] == urlsplit(self.base_url)[:2]
        return await self.http.fetch(address, hosts=self.hosts, headers=self.headers if is_safe else {})

    def _url(self, path: str) -> str:
        return f"{self.base_url}/v1/{path}"


def nearest_ratio(width: int, height: int) -> str:
    def distance(ratio: str) -> float:
        across, down = map(int, ratio.split(":"))
        return abs(math.log(width * down / (height * across)))

    return min(RATIOS, key=distance)
