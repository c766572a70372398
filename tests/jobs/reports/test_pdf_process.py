"""A PDF is set by a process of its own: what typst keeps, and what it breaks off at, is not the worker's."""

import subprocess
import sys

import pytest

from jobs.reports.model import report_of
from jobs.reports.pdf_report import NotTypeset, pdf
from tests.conftest import ROOT
from tests.jobs.reports.compared import comparison

SETS_ONE = """
import sys
from jobs.reports.model import report_of
from jobs.reports.rendering import render
from tests.jobs.reports.compared import comparison
assert render(report_of(comparison()), "pdf").startswith(b"%PDF-")
assert "typst" not in sys.modules
"""


def test_a_worker_grew_by_what_typst_keeps_of_each_report() -> None:
    subprocess.run([sys.executable, "-c", SETS_ONE], cwd=ROOT, check=True)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("PROGRAM", "jobs.reports.nothing", "broke off at this report"), ("SECONDS", 0, "more than 0 seconds")],
)
def test_a_pdf_that_cannot_be_set_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, name: str, value: object, words: str
) -> None:
    monkeypatch.setattr(f"jobs.reports.pdf_report.{name}", value)
    with pytest.raises(NotTypeset, match=f"{words}.*Ask for the report as HTML, DOCX or Markdown"):
        pdf(report_of(comparison()))
