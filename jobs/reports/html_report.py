"""A report as HTML: a page that stands by itself, runs nothing and asks nothing of anybody."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from jobs.reports.model import Report

TEMPLATES = Path(__file__).parent / "templates"


def html(report: Report) -> bytes:
    return _environment().get_template("report.html").render(report=report).encode()


def body(report: Report) -> str:
    """Only what stands below the title, to be shown in another page."""
    return _environment().get_template("report_body.html").render(report=report)


@cache
def _environment() -> Environment:
    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
