"""Several things at once: all their results, or the first failure with the rest broken off."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


async def together(*work: Coroutine[Any, Any, Result]) -> list[Result]:
    """As a TaskGroup, but the failure is raised as it is and not inside a group."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
