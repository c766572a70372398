"""How do updates reach a webhook: one after the other within a queue, queues side by side, again until accepted?"""

import asyncio
import json
import random
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from sandbox.bot_api.body_parsing import parse_body
from sandbox.bot_api.errors import BotApiError
from sandbox.bot_api.faults import FaultPlan
from sandbox.bot_api.options import SandboxOptions
from sandbox.bot_api.params import Params
from sandbox.bot_api.updates import DeliveryAttempt, Outbox, Update
from sandbox.bot_api.wire import now

LONGEST_RETRY_AFTER = 3600
LONGEST_WAIT = (60, 120)
WAIT_WHEN_UNREACHABLE = 1.0
NOT_IN_A_REPLY = {"setwebhook", "deletewebhook", "close", "logout"}

RunReply = Callable[[str, Params], Awaitable[None]]


@dataclass(frozen=True)
class WebhookSettings:
    url: str
    secret_token: str = ""
    max_connections: int = 40
    ip_address: str | None = None


@dataclass(frozen=True)
class WebhookError:
    at: float
    message: str


@dataclass(frozen=True)
class Outcome:
    """`reached` is False where no connection could be made: Telegram does not count that as a failed try."""

    attempt: DeliveryAttempt
    retry_after: int = 0
    reached: bool = True

    @property
    def accepted(self) -> bool:
        return self.attempt.error is None


@dataclass
class Backoff:
    """The first retry is immediate, then 2, 4, 8, … seconds up to a random 60-120; `Retry-After` goes before all."""

    scale: float
    delay: float = 1.0
    failures: int = 0

    def wait_after(self, outcome: Outcome) -> float:
        if not outcome.reached:
            return WAIT_WHEN_UNREACHABLE * self.scale
        wait = float(min(max(outcome.retry_after, 0), LONGEST_RETRY_AFTER))
        if wait == 0 and self.failures > 0:
            wait = self.delay = min(random.uniform(*LONGEST_WAIT), self.delay * 2)
        self.failures += 1
        return wait * self.scale


class WebhookDelivery:
    """Runs from creation until `stop`; what it has not delivered by then stays in the outbox."""

    def __init__(
        self,
        settings: WebhookSettings,
        outbox: Outbox,
        options: SandboxOptions,
        faults: FaultPlan,
        run_reply: RunReply,
    ) -> None:
        self.settings = settings
        self.outbox = outbox
        self.options = options
        self.faults = faults
        self.run_reply = run_reply
        self.last_error: WebhookError | None = None
        self.queues: dict[str, deque[Update]] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.slots = asyncio.Semaphore(settings.max_connections)
        connections = settings.max_connections
        self.client = httpx.AsyncClient(
            # twice the slots: an ordered double delivery needs a second connection
            limits=httpx.Limits(max_connections=2 * connections, max_keepalive_connections=connections),
            timeout=options.webhook_timeout,
            verify=tls_for(settings.url),
            trust_env=False,
        )
        for update in outbox.waiting():
            self.enqueue(update)

    def enqueue(self, update: Update) -> None:
        queue = self.queues.get(update.queue)
        if queue is not None:
            queue.append(update)
            return
        self.queues[update.queue] = deque([update])
        self.spawn(self.drain(update.queue))

    def spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def stop(self) -> None:
        tasks = [task for task in self.tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.client.aclose()

    async def drain(self, name: str) -> None:
        queue = self.queues[name]
        while queue:
            if queue[0].state == "pending":
                await self.deliver(queue[0])
            queue.popleft()
        del self.queues[name]

    async def deliver(self, update: Update) -> None:
        backoff = Backoff(self.options.retry_scale)
        while update.state == "pending":
            if update.expires_at <= now():
                return self.outbox.settle(update, "expired")
            async with self.slots:
                outcome = await self.send(update)
            if outcome.accepted:
                return self.outbox.settle(update, "delivered")
            self.last_error = WebhookError(outcome.attempt.finished_at, outcome.attempt.error or "")
            self.outbox.changed(update)
            wait = backoff.wait_after(outcome)
            if now() + wait > update.expires_at:
                return self.outbox.settle(update, "expired")
            await asyncio.sleep(wait)
        return None

    async def send(self, update: Update) -> Outcome:
        """One attempt; where a fault orders it two at the same time, of which the better counts."""
        fault = self.faults.take_for_update(update.kind, update.user_id)
        outcomes = await asyncio.gather(*(self.post(update) for _ in range(2 if fault else 1)))
        return next((outcome for outcome in outcomes if outcome.accepted), outcomes[0])

    async def redeliver(self, update: Update, times: int) -> list[DeliveryAttempt]:
        """Sends it again, `times` at once, past all queues and whatever became of it before."""
        outcomes = await asyncio.gather(*(self.post(update) for _ in range(times)))
        return [outcome.attempt for outcome in outcomes]

    async def post(self, update: Update) -> Outcome:
        started = now()
        headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip, deflate"}
        if self.settings.secret_token:
            headers["X-Telegram-Bot-Api-Secret-Token"] = self.settings.secret_token
        content = json.dumps(update.wire()).encode()
        response, error, reached = None, None, True
        try:
            response = await self.client.post(self.settings.url, content=content, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            error, reached = "Connection refused", False
        except httpx.TimeoutException:
            error = "Read timeout expired"
        except httpx.HTTPError:
            error = "Webhook connection closed"
        retry_after, status = 0, None
        if response is not None:
            status = response.status_code
            if response.is_success:
                self.spawn(self.take_reply(response))
            else:
                error = f"Wrong response from the webhook: {status} {response.reason_phrase}"
                retry_after = whole_seconds(response.headers.get("Retry-After", ""))
        attempt = DeliveryAttempt(started, now(), status, error)
        update.attempts.append(attempt)
        return Outcome(attempt, retry_after, reached)

    async def take_reply(self, response: httpx.Response) -> None:
        """A method named in the answer is carried out; its result is not told to anybody."""
        try:
            params = await parse_body(response.headers.get("Content-Type", ""), response.content)
        except BotApiError:
            return
        method = params.text("method").lower()
        if method and method not in NOT_IN_A_REPLY and not method.startswith("get"):
            await self.run_reply(params.text("method"), params)


def tls_for(url: str) -> ssl.SSLContext:
    """Certificates take long to load, and most webhooks of a sandbox are plain http."""
    return ssl.create_default_context() if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def whole_seconds(header: str) -> int:
    return int(header) if header.strip().isdigit() else 0
