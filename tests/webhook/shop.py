"""The bot with something to sell: the webhook app behind the sandbox's Bot API, and a worker that sends its answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from jobs.companion.operating.registration import ALLOWED_UPDATES
from jobs.companion.wallet.accounts import Wallet
from jobs.db.session import Database
from jobs.deliver import deliver
from jobs.resources import Resources
from sandbox.bot_api.options import SandboxOptions
from sandbox.bot_api.sandbox import Sandbox
from sandbox.bot_api.server import running_sandbox
from sandbox.serve import serving
from tests.factories import SECRET, TOKEN, rows, webhook_app, worker
from tests.jobs.companion.purses import economy

PATIENCE = 20
PENDING = "SELECT id FROM deliveries WHERE status = 'pending' ORDER BY id"
WALLET = Wallet(
    economy(
        diamonds_start=25,
        energy_max=10,
        energy_refill_seconds=60,
        stars_packs="25:50 energy, 50:60 diamonds, 200:250 diamonds",
        payments_contact="@shop_support",
        terms_url="https://example.com/terms",
    )
)


@dataclass
class Shop:
    http: httpx.AsyncClient
    sandbox: Sandbox
    url: str
    database: Database
    resources: Resources

    async def person(self, language: str = "en") -> int:
        created = await self.control("POST", "users", first_name="Anna", language_code=language)
        return int(created["id"])

    async def control(self, verb: str, path: str, **body: Any) -> Any:
        response = await self.http.request(verb, f"/sandbox/{path}", json=body or None)
        response.raise_for_status()
        return response.json() if response.content else None

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.http.post(f"/bot{TOKEN}/{method}", json=params)).json()
        return answer

    async def says(self, user: int, words: str) -> list[dict[str, Any]]:
        """All that the bot has said by the time when the answer is there."""
        before = len(await self.from_bot(user))
        await self.control("POST", f"users/{user}/messages", text=words)
        return await self.until_said(user, before + 1)

    async def press(self, user: int, message: dict[str, Any], data: str) -> dict[str, Any]:
        query: dict[str, Any] = await self.control(
            "POST", f"users/{user}/callbacks?wait={PATIENCE}", message_id=message["message_id"], data=data
        )
        return query

    async def invoice(self, user: int, data: str = "buy:50:60:diamonds") -> dict[str, Any]:
        offer = (await self.says(user, "/buy"))[-1]
        before = len(await self.from_bot(user))
        await self.press(user, offer, data)
        return (await self.until_said(user, before + 1))[-1]

    async def pay(self, user: int, invoice: dict[str, Any]) -> dict[str, Any]:
        """The checkout, once it has gone through or was declined."""
        path = f"users/{user}/payments?wait={PATIENCE}"
        checkout: dict[str, Any] = await self.control("POST", path, message_id=invoice["message_id"])
        return checkout

    async def buy(self, user: int, data: str = "buy:50:60:diamonds") -> str:
        """The charge id of a payment that was credited."""
        invoice = await self.invoice(user, data)
        before = len(await self.from_bot(user))
        checkout = await self.pay(user, invoice)
        assert checkout["status"] == "paid", checkout
        await self.until_said(user, before + 1)
        return str(checkout["telegram_payment_charge_id"])

    async def from_bot(self, user: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.control("GET", f"users/{user}/messages?from_bot=true")
        return found

    async def until_said(self, user: int, count: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(PATIENCE):
            while len(said := await self.from_bot(user)) < count:
                await self.send_pending()
                await asyncio.sleep(0.01)
        return said

    async def send_pending(self) -> None:
        """What a worker of the queue telegram does."""
        for row in await rows(self.database, PENDING):
            await deliver(self.resources, row["id"])


@asynccontextmanager
async def opened_shop(database_url: str, database: Database, **options: Any) -> AsyncIterator[Shop]:
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(running_sandbox(TOKEN, options=SandboxOptions(**options)))
        app = webhook_app(database_url)
        app.state.updates.dispatch.dispatcher["wallet"] = WALLET
        url = await stack.enter_async_context(serving(app))
        resources = await stack.enter_async_context(worker(database, bot_api=running.url))
        http = httpx.AsyncClient(base_url=running.url, trust_env=False, timeout=60)
        shop = Shop(await stack.enter_async_context(http), running.sandbox, running.url, database, resources)
        webhook = f"{url}/telegram/webhook"
        await shop.call("setWebhook", url=webhook, secret_token=SECRET, allowed_updates=ALLOWED_UPDATES)
        yield shop
