"""Are documents compared? Uploads two, has the small real model compare them, and reads the report in every format."""

import asyncio
import io
import re
import time
from pathlib import Path

import docx
import pypdfium2  # type: ignore[import-untyped] # it has no types of its own

from sandbox.demo.api_user import ApiUser, Json
from sandbox.demo.contracts import FIRST_PAGE
from sandbox.demo.failure import DemoFailed
from sandbox.demo.progress import Progress

# the words of the small model, and of its vocabulary, are English
NAMES = tuple(f"maintenance-en-{version}{FIRST_PAGE}.pdf" for version in ("old", "new"))
FORMATS = ("md", "html", "docx", "pdf")
# seconds; it takes about forty on two cores that are free, and many times that beside other work
PATIENCE = 400


async def try_analysis(api: ApiUser, documents: Path, progress: Progress) -> None:
    """`documents`: where the contracts lie. Raises DemoFailed with what did not come."""
    begun = time.monotonic()
    ids = [await _uploaded(api, documents / name) for name in NAMES]
    asked = {
        "title": "The demo's own try-out", "documents": ids, "looks_for": ["differences"], "language": "en",
        "report_formats": list(FORMATS),
    }  # fmt: skip
    comparison = (await api.post("/v1/comparisons", json=asked)).json()
    job = await api.completed(comparison["job_id"], PATIENCE)
    done = (await api.get(f"/v1/comparisons/{comparison['id']}")).json()
    progress.say(f"POST /v1/comparisons  →  {time.monotonic() - begun:.0f} s: {_found(job, done)}")
    sizes = [await _report(api, done, each) for each in FORMATS]
    told = ", ".join(f"{name} {size / 1000:.0f} kB" for name, size in zip(FORMATS, sizes, strict=True))
    progress.say(f"its report names both documents in every format: {told}")


async def _uploaded(api: ApiUser, file: Path) -> str:
    content = await asyncio.to_thread(file.read_bytes)
    answer = await api.post("/v1/documents", files={"file": (file.name, content, "application/pdf")})
    return str(answer.json()["id"])


def _found(job: Json, done: Json) -> str:
    return (
        f"2 documents in {job['result']['parts']} part(s) by {done['model']}; findings: {len(done['findings'])},"
        f" quotations dropped because they stand in neither: {done['dropped']}"
    )


async def _report(api: ApiUser, done: Json, report_format: str) -> int:
    """Its size."""
    answer = await api.get(done["urls"]["report"], params={"format": report_format})
    if answer.status_code != 200:
        raise DemoFailed(f"The report as {report_format} was not there: {answer.status_code} {answer.text[:300]}")
    words = _words(answer.content, report_format)
    if missing := [name for name in NAMES if _bare(name) not in words]:
        raise DemoFailed(f"The report as {report_format} does not name {' and '.join(missing)}.")
    return len(answer.content)


def _words(report: bytes, report_format: str) -> str:
    if report_format == "docx":
        text = docx.Document(io.BytesIO(report)).element.xpath("string()")
    elif report_format == "pdf":
        with pypdfium2.PdfDocument(report) as document:
            text = "".join(page.get_textpage().get_text_bounded() for page in document)
    else:
        text = report.decode()
    return _bare(text)


def _bare(text: str) -> str:
    """Letters and figures: a line may end within a name, and Markdown marks what is not meant as its own."""
    return re.sub(r"[\W_]", "", text)
