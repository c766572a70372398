"""`python -m jobs.reports.typesetter SECONDS`: the PDF of the report that comes in as JSON.

A process of its own, for one report: typst keeps what it has laid out, and gives none of it back.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import typst

TEMPLATE = Path(__file__).parent / "report.typ"
NO_FONT = "could not be displayed"
PR_SET_PDEATHSIG = 1


def main() -> int:
    restrict(int(sys.argv[1]))
    given = json.load(sys.stdin.buffer)
    sys.stdout.buffer.write(typeset(given["report"], given["letters_missing"]))
    sys.stdout.buffer.flush()
    # without the farewells of a native library
    os._exit(0)


def restrict(seconds: int) -> None:
    """With the worker that asked for it it goes as well; and it writes nothing but its answer."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for what, most in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(what, (most, most))


def typeset(report: dict[str, Any], letters_missing: str) -> bytes:
    """PDF/A, which wants a font for each letter. Where there is none, an ordinary PDF says so on its first page."""
    try:
        return _compiled({**report, "letters_missing": ""}, pdf_standards="a-2b")
    except typst.TypstError as error:
        if not error.message.startswith("PDF/A"):
            raise
        lacking = letters_missing if NO_FONT in error.message else ""
    return _compiled({**report, "letters_missing": lacking})


def _compiled(said: dict[str, Any], **more: Any) -> bytes:
    made = typst.compile(TEMPLATE, format="pdf", sys_inputs={"report": json.dumps(said)}, **more)
    assert isinstance(made, bytes)
    return made


if __name__ == "__main__":
    sys.exit(main())
