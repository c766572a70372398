"""The bot with all that draws: the webhook app behind the sandbox's Bot API, a language model, a ComfyUI, a worker."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jobs import lifecycle
from jobs.companion.pictures import PictureSettings
from jobs.companion.wallet.accounts import Wallet
from jobs.db.chats.chat_pace import Pace
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from sandbox.bot_api.options import SandboxOptions
from sandbox.bot_api.server import running_sandbox
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving
from tests.factories import TOKEN, all_jobs, submit, to_chat, webhook_app, worker
from tests.jobs.companion.purses import economy
from tests.webhook.sandbox_bot import PATIENCE, SandboxBot, keyboard, opened_webhook

__all__ = ["PATIENCE", "WALLET", "PictureBot", "keyboard", "opened_picture_bot"]

WALLET = Wallet(economy(diamonds_start=50, price_picture=10, price_photo=15))
QUICK = Pace(1000, 1000, 1000, 1000)


@dataclass
class PictureBot(SandboxBot):
    llm: ScriptedLlm
    comfyui: ComfyServer

    async def photos(self) -> list[dict[str, Any]]:
        return [each for each in await self.messages() if "photo" in each]

    async def talks(self, words: str) -> None:
        """And all that follows from it has been done."""
        await self.says(words)
        await self.work()

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

    def automatic(self, least: int, most: int) -> None:
        settings = PictureSettings(image_every_min=least, image_every_max=most, _env_file=None)
        self.resources = replace(self.resources, pictures=settings)


@asynccontextmanager
async def opened_picture_bot(database_url: str, database: Database, folder: Path) -> AsyncIterator[PictureBot]:
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(running_sandbox(TOKEN, options=SandboxOptions()))
        comfyui = await stack.enter_async_context(ComfyServer(ComfySettings(seconds_per_picture=0.02)))
        llm = ScriptedLlm()
        llm_url = await stack.enter_async_context(serving(llm.app))
        app = webhook_app(database_url, hosts=comfyui.host)
        app.state.updates.intake.wallet = app.state.updates.dispatch.dispatcher["wallet"] = WALLET
        opened = worker(database, llm=llm_url, bot_api=running.url, comfyui=comfyui.host, media=folder)
        resources = replace(await stack.enter_async_context(opened), pace=QUICK)
        resources.intake.wallet = WALLET
        http = await stack.enter_async_context(opened_webhook(app, running.url))
        bot = PictureBot(http, running.sandbox, database, resources, llm, comfyui)
        bot.automatic(0, 0)
        await bot.meet()
        yield bot
