"""A report as PDF, by typst: what is said goes in as data, so that code in it stays text.

It is PDF/A, which wants a font for each letter. Where there is none, an ordinary PDF says so on its first page.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typst

from jobs.reports.model import Report

TEMPLATE = Path(__file__).parent / "report.typ"
NO_FONT = "could not be displayed"


def pdf(report: Report) -> bytes:
    """Takes a moment of the processor: not for an event loop."""
    said = asdict(report)
    for shown, finding in zip(said["findings"], report.findings, strict=True):
        shown["places"] = finding.places
    try:
        return _compiled({**said, "letters_missing": ""}, pdf_standards="a-2b")
    except typst.TypstError as error:
        if not error.message.startswith("PDF/A"):
            raise
        lacking = report.labels.letters_missing if NO_FONT in error.message else ""
    return _compiled({**said, "letters_missing": lacking})


def _compiled(said: dict[str, Any], **more: Any) -> bytes:
    made = typst.compile(TEMPLATE, format="pdf", sys_inputs={"report": json.dumps(said)}, **more)
    assert isinstance(made, bytes)
    return made
