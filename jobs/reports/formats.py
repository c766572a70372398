"""In which formats are there reports, and what is a file of each called?"""

import re
from dataclasses import dataclass
from typing import Literal

ReportFormat = Literal["md", "html", "docx", "pdf"]

LONGEST_NAME = 80


@dataclass(frozen=True)
class FileKind:
    """`name` as people know it."""

    name: str
    content_type: str


FORMATS: dict[str, FileKind] = {
    "pdf": FileKind("PDF", "application/pdf"),
    "docx": FileKind("DOCX", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "html": FileKind("HTML", "text/html; charset=utf-8"),
    "md": FileKind("Markdown", "text/markdown; charset=utf-8"),
}


def file_name(title: str, fmt: str) -> str:
    """The report's title as far as file systems bear it."""
    words = re.sub(r"[^\w\-. ]+", " ", title)
    stem = " ".join(words.split())[:LONGEST_NAME].strip(" .")
    return f"{stem or 'report'}.{fmt}"
