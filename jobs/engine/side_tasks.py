"""Tasks beside a worker's main loop: they live as long as it does, and one that fails is started again."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from jobs.connector import is_loss

log = logging.getLogger(__name__)

SideTask = Callable[[], Awaitable[None]]


@contextlib.asynccontextmanager
async def beside(side_tasks: list[SideTask], *, before_end: Callable[[], None]) -> AsyncIterator[None]:
    """`before_end` is called a moment before they are cancelled."""
    tasks = [asyncio.create_task(_again(side_task), name=side_task.__qualname__) for side_task in side_tasks]
    try:
        yield
    finally:
        before_end()
        await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def pause(seconds: float, event: asyncio.Event) -> None:
    """Until the event is set, but no longer."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def _again(side_task: SideTask) -> None:
    while True:
        try:
            await side_task()
        except Exception as error:
            if not is_loss(error):
                log.exception("%s failed, starting it again", side_task.__qualname__)
            await asyncio.sleep(1)
        else:
            return
