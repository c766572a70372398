"""How fast is a document read, and how much memory does the process take that reads it?"""

import asyncio
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import typst

from bench.figures import Figure
from bench.ground import Ground
from jobs.documents.extraction import PROGRAM, ROOT, extract
from jobs.documents.settings import DocumentSettings

TITLE = "documents: the text of a PDF, read by a process of its own"
# what one document may cost a machine that reads several at a time
MOST_MEGABYTES = 256
SHORT, LONG, LONG_QUICK = 100, 2000, 500

CLAUSE = (
    "Поставщик обязуется передать товар надлежащего качества в срок, а покупатель — принять его и оплатить. "
    "The supplier delivers goods of the agreed quality in time, and the customer accepts and pays for them. "
)
# between us and it: what it is counted to have used begins with what its starter has
ASK_AFTER = (
    "import resource, subprocess, sys\n"
    "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)\n"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)
# about as much as a page of a contract holds
CLAUSES = 14


@dataclass(frozen=True)
class Reading:
    seconds: float
    pages: int
    characters: int
    peak: int


async def measure(ground: Ground) -> list[Figure]:
    found = []
    for pages in (SHORT, LONG_QUICK if ground.quick else LONG):
        file = ground.folder / f"{pages}-pages.pdf"
        await asyncio.to_thread(file.write_bytes, printed(pages))
        found.append((await _read(file), file.stat().st_size))
    return [figure for reading, size in found for figure in _figures(reading, size)]


def printed(pages: int) -> bytes:
    """Each page begins with its number, so that no two are alike."""
    page = f"#for page in range({pages}) {{ [== Page #page \n {CLAUSE * CLAUSES}]; pagebreak(weak: true) }}"
    document: bytes = typst.compile(f"#set text(size: 9pt)\n{page}".encode())
    return document


async def _read(file: Path) -> Reading:
    settings = DocumentSettings(_env_file=None)
    started = time.monotonic()
    with file.open("rb") as opened:
        pages = await extract(opened, "pdf", settings, lambda done, total: None)
    seconds = time.monotonic() - started
    peak = await asyncio.to_thread(_peak, file, settings)
    return Reading(seconds, len(pages), sum(map(len, pages)), peak)


def _peak(file: Path, settings: DocumentSettings) -> int:
    """Bytes that were resident at most, as the system has counted them for a second reading."""
    command = [
        sys.executable, "-c", ASK_AFTER, sys.executable, "-s", "-m", PROGRAM, "pdf", str(file),
        str(settings.extraction_memory), str(settings.extraction_timeout),
    ]  # fmt: skip
    environment = {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    told = subprocess.run(command, capture_output=True, env=environment, check=True, text=True)
    return int(told.stdout) * 1024


def _figures(reading: Reading, size: int) -> list[Figure]:
    how = (
        f"printed by typst, {size / 1e6:.1f} MB, {reading.characters / reading.pages:,.0f} characters a page, Russian"
        " and English; with the start of the process and all frames; memory: the most that was resident"
    )
    name, megabytes = f"PDF of {reading.pages:,} pages", reading.peak / 1e6
    return [
        Figure(name, f"{reading.pages / reading.seconds:,.0f} pages/s in {reading.seconds:.2f} s", how),
        Figure(
            "  peak memory of its process", f"{megabytes:.0f} MB", "", f"≤ {MOST_MEGABYTES} MB",
            megabytes <= MOST_MEGABYTES,
        ),
    ]  # fmt: skip
