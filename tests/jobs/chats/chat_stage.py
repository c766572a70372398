"""A worker that sends, the sandbox's Bot API that takes it, and people who read."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from PIL import Image

from jobs.companion.messages.outbox import Message, send_to_chat
from jobs.db.chats.chat_pace import Pace
from jobs.db.files import media as media_rows
from jobs.db.session import Database
from jobs.deliver import deliver
from jobs.errors import TemporaryError
from jobs.resources import Resources
from sandbox.bot_api.call_log import BotCall
from sandbox.bot_api.messages import Message as SentMessage
from sandbox.bot_api.options import SandboxOptions
from sandbox.bot_api.sandbox import Sandbox
from sandbox.bot_api.server import running_sandbox
from tests.factories import TOKEN, USER, add_user, rows, submit, to_chat, worker

PENDING = "SELECT id FROM deliveries WHERE status = 'pending' ORDER BY id"
PATIENCE = 30


@dataclass
class Stage:
    database: Database
    resources: Resources
    sandbox: Sandbox

    async def plan(self, *messages: Message, key: str, user: int = USER, bulk: bool = False) -> None:
        async with self.database.transaction() as connection:
            await send_to_chat(connection, user, messages, key=key, bulk=bulk)

    async def send(self, *messages: Message, key: str, user: int = USER) -> None:
        """Planned, and sent one by one."""
        await self.plan(*messages, key=key, user=user)
        for row in await rows(self.database, PENDING):
            await deliver(self.resources, row["id"])

    def shown(self, user: int = USER) -> list[SentMessage]:
        """What of the bot's is in the chat now."""
        messages = self.sandbox.person(user).chat.messages.values()
        return [each for each in messages if each.from_bot and each.deleted_at is None]

    def texts(self, user: int = USER) -> list[str]:
        said = [each.body.wire() for each in self.shown(user)]
        return [str(each.get("text", each.get("caption", ""))) for each in said]

    def calls(self, method: str | None = None) -> list[BotCall]:
        return self.sandbox.bot().calls.find(method=method)

    async def delivery(self, key: str) -> dict[str, Any]:
        [found] = await rows(self.database, "SELECT * FROM deliveries WHERE key = :key", key=key)
        return found

    async def picture(self) -> UUID:
        drawn = io.BytesIO()
        Image.new("RGB", (64, 64), "red").save(drawn, "PNG")
        job = await submit(self.resources, "generate_image", {"prompt": "a fox"}, destination=to_chat())
        stored = await self.resources.media.put(drawn.getvalue(), uuid4())
        async with self.database.transaction() as connection:
            await media_rows.insert(connection, stored, owner="o", job_id=job.id, ttl=3600)
        return stored.id

    async def run_tickets(self, places: int) -> None:
        """As the engine does with so many places, until nothing waits: a chat's tickets one at a time, in order."""
        chats: dict[str, list[int]] = {}
        for row in await rows(
            self.database, "SELECT id, destination FROM deliveries WHERE status = 'pending' ORDER BY id"
        ):
            chats.setdefault(row["destination"], []).append(row["id"])
        room = asyncio.Semaphore(places)
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as together:
            for ids in chats.values():
                together.create_task(self._chat(ids, room))

    async def _chat(self, ids: Sequence[int], room: asyncio.Semaphore) -> None:
        for number in ids:
            while True:
                try:
                    async with room:
                        await deliver(self.resources, number)
                    break
                except TemporaryError as later:
                    await asyncio.sleep(later.retry_in or 0)


@asynccontextmanager
async def opened_stage(
    database: Database, folder: Path, *users: int, options: SandboxOptions | None = None, pace: Pace | None = None,
    personas: Path | None = None,
) -> AsyncIterator[Stage]:  # fmt: skip
    more: dict[str, Any] = {"pace": pace} if pace else {}
    async with (
        running_sandbox(TOKEN, options=options) as running,
        worker(database, bot_api=running.url, media=folder, personas_dir=personas, **more) as resources,
    ):
        for user in users or (USER,):
            running.sandbox.add_user(f"Anna {user}", user_id=user)
            async with database.transaction() as connection:
                await add_user(connection, user)
        yield Stage(database, resources, running.sandbox)
