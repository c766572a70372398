"""The guard of a worker, from its settings."""

from collections.abc import Iterable
from contextlib import AsyncExitStack

from jobs.db.session import Database
from jobs.guard.guard import Guard
from jobs.guard.settings import GuardSettings
from jobs.providers.chat_model import ChatModel
from jobs.settings import load


async def open_guard(stack: AsyncExitStack, database: Database, models: Iterable[ChatModel]) -> Guard:
    """Open until the stack is closed. The limits of these models' providers can be seen from now on."""
    guard = await stack.enter_async_context(Guard(database, load(GuardSettings)))
    await guard.announce({(model.provider, "llm") for model in models})
    return guard
