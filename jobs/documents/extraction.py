"""A document's text, read by a process of its own with limits of memory and time: a hostile file ends that alone."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

import structlog

from jobs.documents.extractor.frames import LENGTH
from jobs.documents.extractor.limits import MOST_CHARACTERS, MOST_PAGES
from jobs.documents.refusals import refusal
from jobs.documents.settings import DocumentSettings
from jobs.storable import storable

log = structlog.get_logger()

PROGRAM = "jobs.documents.extractor"
ROOT = Path(__file__).resolve().parents[2]
# the longest page as JSON, where a letter may take twelve bytes
LONGEST_FRAME = 12 * MOST_CHARACTERS + 1024
# of what it complains about, this much is worth a line in the log
COMPLAINT = 2000

Told = Callable[[int, int], None]


async def extract(file: IO[bytes], format_: str, settings: DocumentSettings, told: Told) -> list[str]:
    """The text of each page. `told` hears how many are read, of how many. Raises DocumentRefused.

    The file needs no name: so a worker that is killed leaves none behind.
    """
    try:
        async with asyncio.timeout(settings.extraction_timeout), _reader(file, format_, settings) as process:
            return await _pages(process, told)
    except TimeoutError:
        raise refusal("document_too_slow", seconds=settings.extraction_timeout) from None


@asynccontextmanager
async def _reader(
    file: IO[bytes], format_: str, settings: DocumentSettings
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Its environment has nothing of ours but where the program is: no password, no key."""
    limits = (str(settings.extraction_memory), str(settings.extraction_timeout))
    file.flush()
    number = file.fileno()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-s", "-B", "-m", PROGRAM, format_, f"/proc/self/fd/{number}", *limits,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        pass_fds=(number,), cwd="/", env={"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "PYTHONSAFEPATH": "1"},
    )  # fmt: skip
    complaints = asyncio.create_task(_complaints(process))
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if words := await complaints:
            log.warning("the reader of documents complained", words=words)


async def _complaints(process: asyncio.subprocess.Process) -> str:
    """Read to its end, so that it never waits for us; only the last of it is kept."""
    kept = b""
    while process.stderr and (more := await process.stderr.read(COMPLAINT)):
        kept = (kept + more)[-COMPLAINT:]
    return kept.decode("utf-8", "replace").strip()


async def _pages(process: asyncio.subprocess.Process, told: Told) -> list[str]:
    pages: list[str] = []
    total = characters = 0
    while (frame := await _frame(process)) != {"end": True}:
        if "refused" in frame:
            raise refusal(str(frame["refused"]), **_whole_numbers(frame.get("values")))
        if "total" in frame:
            total = _whole_numbers(frame).get("total", 0)
            continue
        page = storable(str(frame["page"])) if "page" in frame else None
        characters += len(page or "")
        if page is None or len(pages) >= MOST_PAGES or characters > MOST_CHARACTERS:
            raise refusal("document_crashes_reader")  # it would not have said that
        pages.append(page)
        told(len(pages), max(total, len(pages)))
    return pages


async def _frame(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """What a program says that a file may have taken over is looked at as closely as the file."""
    assert process.stdout is not None
    try:
        (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
        if length > LONGEST_FRAME:
            raise refusal("document_crashes_reader")
        frame = json.loads(await process.stdout.readexactly(length))
    except (asyncio.IncompleteReadError, ValueError):
        raise refusal("document_crashes_reader") from None
    if not isinstance(frame, dict):
        raise refusal("document_crashes_reader")
    return frame


def _whole_numbers(values: object) -> dict[str, int]:
    found = values if isinstance(values, dict) else {}
    return {str(name): value for name, value in found.items() if isinstance(value, int)}
