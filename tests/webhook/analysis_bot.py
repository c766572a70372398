"""The bot with all that compares documents: the webhook app behind the sandbox's Bot API, an Ollama, a worker."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jobs.companion.wallet.accounts import Wallet
from jobs.db.session import Database
from jobs.providers.ollama import Ollama
from sandbox.bot_api.options import SandboxOptions
from sandbox.bot_api.server import running_sandbox
from sandbox.ollama import ScriptedOllama
from sandbox.serve import serving
from tests.factories import TOKEN, webhook_app, worker
from tests.jobs.companion.purses import economy
from tests.jobs.growing import Garden
from tests.webhook.sandbox_bot import SandboxBot, opened_webhook

WALLET = Wallet(economy(diamonds_start=50, price_analysis=20))
WINDOW = 8192


@dataclass
class AnalysisBot(SandboxBot):
    ollama: ScriptedOllama

    async def work(self, *, most: int = 10_000) -> None:
        """As a worker does, until nothing is left to do; `most`: so many jobs only."""
        await Garden(self.resources).run_off(at_once=1, most=most)
        await self.send_pending()

    async def panel(self) -> dict[str, Any]:
        """The message that shows what is collected: there is one at most."""
        [found] = [each for each in await self.messages() if each.get("text", "").startswith(TITLES)]
        return found

    async def files(self) -> list[dict[str, Any]]:
        return [each["document"] for each in await self.messages() if "document" in each]

    async def content(self, file: dict[str, Any]) -> bytes:
        return (await self.http.get(f"/sandbox/files/{file['file_id']}")).content


TITLES = ("Documents to compare", "Документы для сравнения")


@asynccontextmanager
async def opened_analysis_bot(
    database_url: str, database: Database, folder: Path, script: ScriptedOllama
) -> AsyncIterator[AnalysisBot]:
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(running_sandbox(TOKEN, options=SandboxOptions()))
        ollama_url = await stack.enter_async_context(serving(script.app, stop_grace=0.05))
        app = webhook_app(database_url)
        app.state.updates.intake.wallet = app.state.updates.dispatch.dispatcher["wallet"] = WALLET
        resources = await stack.enter_async_context(worker(database, bot_api=running.url, media=folder))
        resources.intake.wallet = WALLET
        http = await stack.enter_async_context(opened_webhook(app, running.url))
        model = Ollama(
            http, base_url=ollama_url, model="small", context_tokens=WINDOW, timeout=10, window_tokens=WINDOW
        )
        resources = replace(resources, models={"ANALYSIS_LLM": model})
        yield AnalysisBot(http, running.sandbox, database, resources, script)
