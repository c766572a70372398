"""The bot with all that draws: the webhook app behind the sandbox's Bot API, a language model, a ComfyUI, a worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from jobs import lifecycle
from jobs.companion.pictures import PictureSettings
from jobs.companion.registration import ALLOWED_UPDATES
from jobs.companion.wallet.accounts import Wallet
from jobs.db.chat_pace import Pace
from jobs.db.jobs import Job
from jobs.db.session import Database
from jobs.deliver import deliver
from jobs.resources import Resources
from sandbox.bot_api.options import SandboxOptions
from sandbox.bot_api.sandbox import Sandbox
from sandbox.bot_api.server import running_sandbox
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving
from tests.factories import SECRET, TOKEN, all_jobs, rows, submit, to_chat, webhook_app, worker
from tests.jobs.companion.purses import economy

PATIENCE = 20
WALLET = Wallet(economy(diamonds_start=50, price_picture=10, price_photo=15))
PENDING = "SELECT id FROM deliveries WHERE status = 'pending' AND channel = 'telegram' ORDER BY id"
QUICK = Pace(1000, 1000, 1000, 1000)


@dataclass
class PictureBot:
    http: httpx.AsyncClient
    sandbox: Sandbox
    database: Database
    resources: Resources
    llm: ScriptedLlm
    comfyui: ComfyServer
    user: int = 0

    async def control(self, verb: str, path: str, **body: Any) -> Any:
        response = await self.http.request(verb, f"/sandbox/{path}", json=body or None)
        response.raise_for_status()
        return response.json() if response.content else None

    async def messages(self) -> list[dict[str, Any]]:
        """What of the bot's can be seen in the chat now."""
        found = await self.control("GET", f"users/{self.user}/messages?from_bot=true")
        return [each for each in found if not each.get("deleted_at")]

    async def photos(self) -> list[dict[str, Any]]:
        return [each for each in await self.messages() if "photo" in each]

    async def texts(self) -> list[str]:
        return [each["text"] for each in await self.messages() if "text" in each]

    async def says(self, words: str) -> None:
        """Once the door has taken it."""
        before = len(await rows(self.database, "SELECT 1 FROM telegram_updates"))
        await self.control("POST", f"users/{self.user}/messages", text=words)
        async with asyncio.timeout(PATIENCE):
            while len(await rows(self.database, "SELECT 1 FROM telegram_updates")) == before:  # noqa: ASYNC110 - a row
                await asyncio.sleep(0.01)

    async def talks(self, words: str) -> None:
        """And all that follows from it has been done."""
        await self.says(words)
        await self.work()

    async def press(self, data: str) -> str:
        """The newest button whose data begins so. The words of the answer."""
        for message in reversed(await self.messages()):
            for button in (each for row in keyboard(message) for each in row):
                if button["callback_data"].startswith(data):
                    return await self.press_again(message, button["callback_data"])
        raise AssertionError(f"there is no button {data}")

    async def press_again(self, message: dict[str, Any], data: str) -> str:
        path = f"users/{self.user}/callbacks?wait={PATIENCE}"
        query = await self.control("POST", path, message_id=message["message_id"], data=data)
        return str(query["answer"]["text"])

    async def calls(self, method: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.control("GET", f"calls?method={method}")
        return found

    async def work(self) -> None:
        """As workers do, until nothing is left to do."""
        while pending := [each for each in await all_jobs(self.database) if each.status == "pending"]:
            for each in pending:
                await self.run(each)
            await self.send_pending()
        await self.send_pending()

    async def run(self, each: Job) -> None:
        await lifecycle.run_job(self.resources, each.id)

    async def retry_until_ended(self) -> None:
        """The next tries of pictures, without the waiting between them."""
        for _ in range(10):
            for each in await self.jobs("generate_image_prompt", "generate_image"):
                if each.status == "processing" and not each.waits_for_steps:
                    await self.run(each)
        await self.send_pending()

    async def submit(self, kind: str, given: dict[str, Any]) -> Job:
        return await submit(self.resources, kind, given, owner=f"telegram:{self.user}", destination=to_chat(self.user))

    async def send_pending(self) -> None:
        while found := await rows(self.database, PENDING):
            for row in found:
                await deliver(self.resources, row["id"])

    async def jobs(self, *kinds: str) -> list[Job]:
        return [each for each in await all_jobs(self.database) if each.kind in kinds]

    def automatic(self, least: int, most: int) -> None:
        settings = PictureSettings(image_every_min=least, image_every_max=most, _env_file=None)
        self.resources = replace(self.resources, pictures=settings)


def keyboard(message: dict[str, Any]) -> list[list[dict[str, Any]]]:
    found: list[list[dict[str, Any]]] = message.get("reply_markup", {}).get("inline_keyboard", [])
    return found


@asynccontextmanager
async def opened_picture_bot(database_url: str, database: Database, folder: Path) -> AsyncIterator[PictureBot]:
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(running_sandbox(TOKEN, options=SandboxOptions()))
        comfyui = await stack.enter_async_context(ComfyServer(ComfySettings(seconds_per_picture=0.02)))
        llm = ScriptedLlm()
        llm_url = await stack.enter_async_context(serving(llm.app))
        app = webhook_app(database_url, hosts=comfyui.host)
        stack.push_async_callback(app.state.database.aclose)
        app.state.updates.intake.wallet = app.state.updates.dispatch.dispatcher["wallet"] = WALLET
        url = await stack.enter_async_context(serving(app))
        opened = worker(database, llm=llm_url, bot_api=running.url, comfyui=comfyui.host, media=folder)
        resources = replace(await stack.enter_async_context(opened), pace=QUICK)
        resources.intake.wallet = WALLET
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=running.url, trust_env=False, timeout=60))
        webhook = {"url": f"{url}/telegram/webhook", "secret_token": SECRET, "allowed_updates": ALLOWED_UPDATES}
        await http.post(f"/bot{TOKEN}/setWebhook", json=webhook)
        bot = PictureBot(http, running.sandbox, database, resources, llm, comfyui)
        bot.automatic(0, 0)
        bot.user = int((await bot.control("POST", "users", first_name="Anna", language_code="en"))["id"])
        yield bot
