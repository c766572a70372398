"""The processes that read documents at this moment."""

import asyncio

import psutil

from jobs.documents.extraction import PROGRAM


def readers() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if PROGRAM in each.cmdline()]


async def started() -> psutil.Process:
    async with asyncio.timeout(60):
        while True:
            if found := readers():
                return found[0]
            await asyncio.sleep(0.02)
