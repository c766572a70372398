"""How much memory a lane's GPU has left, as its ComfyUI says; written down when something may have changed it."""

import asyncio
import contextlib

from jobs.db.commit import DATABASE_ERRORS
from jobs.db.gpu import lanes as lane_rows
from jobs.db.session import Database
from jobs.errors import PostgenError
from jobs.providers.comfyui.client import ComfyUI
from jobs.providers.comfyui.server_api import SystemStats

PAUSE_SECONDS = 15.0


class GpuMemory:
    """`run` it beside the work; `changed` after a connection and after each picture."""

    def __init__(self, queue: str, client: ComfyUI, database: Database) -> None:
        self.queue = queue
        self.client = client
        self.database = database
        self.due = asyncio.Event()

    def changed(self) -> None:
        self.due.set()

    async def run(self) -> None:
        while True:
            await self.due.wait()
            self.due.clear()
            with contextlib.suppress(PostgenError, *DATABASE_ERRORS):
                stats = await self.client.system_stats()
                async with self.database.statement() as connection:
                    await lane_rows.set_stats(connection, self.queue, as_json(stats))
            await asyncio.sleep(PAUSE_SECONDS)


def as_json(stats: SystemStats) -> dict[str, str | int]:
    """Bytes of the first device, which is the one that draws."""
    device = stats.devices[0] if stats.devices else None
    known: dict[str, str | int] = {"comfyui_version": stats.version}
    if device:
        known |= {"device": device.name, "vram_total": device.vram_total, "vram_free": device.vram_free}
    return known
