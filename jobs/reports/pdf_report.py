"""A report as PDF, by typst in a process of its own: what is said goes in as data, so that code in it stays text."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import structlog

from jobs.errors import PermanentError
from jobs.reports.model import Report

log = structlog.get_logger()

PROGRAM = "jobs.reports.typesetter"
ROOT = Path(__file__).resolve().parents[2]
# a report of thousands of findings takes some of them
SECONDS = 120
# where the fonts of an account are found; of our own environment it gets nothing else
PASSED_ON = ("HOME", "XDG_DATA_HOME")
COMPLAINT = 2000


class NotTypeset(PermanentError):
    """The same would come of it once more; the other formats are made without typst."""

    code = "report_not_typeset"


def pdf(report: Report) -> bytes:
    """Takes a moment: not for an event loop. Raises NotTypeset."""
    said = asdict(report)
    for shown, finding in zip(said["findings"], report.findings, strict=True):
        shown["places"] = finding.places
    given = json.dumps({"report": said, "letters_missing": report.labels.letters_missing}).encode()
    try:
        done = subprocess.run(  # noqa: S603 - our own program; what is said goes in as data
            [sys.executable, "-s", "-B", "-m", PROGRAM, str(SECONDS)],
            input=given, capture_output=True, timeout=SECONDS, cwd="/", env=_environment(), check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise _not_typeset(f"Setting the PDF took more than {SECONDS} seconds and was stopped.") from None
    if done.returncode or not done.stdout.startswith(b"%PDF-"):
        log.error("a report was not set", code=done.returncode, words=_last_words(done.stderr))
        raise _not_typeset("The program that sets PDFs broke off at this report.")
    return done.stdout


def _environment() -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**passed_on, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "PYTHONSAFEPATH": "1"}


def _last_words(complaint: bytes) -> str:
    return complaint[-COMPLAINT:].decode("utf-8", "replace").strip()


def _not_typeset(what: str) -> NotTypeset:
    return NotTypeset(f"{what} Ask for the report as HTML, DOCX or Markdown.")
