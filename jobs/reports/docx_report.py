"""A report as DOCX: real headings, contents that lead to them, and a table of what was found."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import docx
from docx.enum.style import WD_STYLE_TYPE
from docx.shared import Pt, RGBColor

from jobs.reports.docx_parts import add_contents, bookmark, repeat_header, set_language
from jobs.reports.model import Report, ReportFinding

if TYPE_CHECKING:
    from docx.document import Document
    from docx.text.paragraph import Paragraph

COLOURS = {"high": RGBColor(0xB3, 0x26, 0x1E), "medium": RGBColor(0x8A, 0x53, 0x00), "low": RGBColor(0x2F, 0x6B, 0x3A)}
LANGUAGES = {"en": "en-US", "ru": "ru-RU"}
GREY = RGBColor(0x5C, 0x61, 0x66)


@dataclass
class Writing:
    document: "Document"
    headings: list[tuple[str, int, str]] = field(default_factory=list)
    style_ids: dict[str, str] = field(default_factory=dict)

    def heading(self, text: str, level: int) -> None:
        name = f"_report{len(self.headings) + 1}"
        bookmark(self.paragraph(text, f"Heading {level}"), name, len(self.headings) + 1)
        self.headings.append((text, level, name))

    def paragraphs(self, text: str, style: str | None = None) -> None:
        for each in text.splitlines():
            if each.strip():
                self.paragraph(each.strip(), style)

    def paragraph(self, text: str = "", style: str | None = None) -> "Paragraph":
        paragraph = self.document.add_paragraph(text)
        if style:
            # found by name once: the library looks through all styles each time
            if style not in self.style_ids:
                self.style_ids[style] = self.document.styles[style].style_id
            paragraph._p.style = self.style_ids[style]
        return paragraph

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        table = self.document.add_table(rows=0, cols=len(rows[0]), style="Table Grid")
        for row in rows:
            for cell, text in zip(table.add_row().cells, row, strict=True):
                cell.text = text
        repeat_header(table.rows[0])


def docx_file(report: Report) -> bytes:
    """Takes a moment of the processor: not for an event loop."""
    writing = Writing(docx.Document())
    _prepare(writing.document, report)
    _opening(writing, report)
    contents = writing.paragraph(report.labels.contents, "TOC Heading")
    _documents(writing, report)
    if report.summary:
        writing.heading(report.labels.summary, 1)
        writing.paragraphs(report.summary)
    _findings(writing, report)
    _ending(writing, report)
    styles = {level: writing.document.styles[f"toc {level}"].style_id for level in (1, 2)}
    add_contents(contents, writing.headings, styles)
    file = io.BytesIO()
    writing.document.save(file)
    return file.getvalue()


def _prepare(document: "Document", report: Report) -> None:
    facts, styles = document.core_properties, document.styles
    facts.title, facts.author, facts.comments = report.title[:255], "Postgen", ""
    facts.created = facts.modified = datetime.now(UTC).replace(tzinfo=None)
    set_language(document, LANGUAGES[report.locale])
    if "TOC Heading" not in styles:
        styles.add_style("TOC Heading", WD_STYLE_TYPE.PARAGRAPH).base_style = styles["Normal"]
    styles["TOC Heading"].font.bold = True
    for level in (1, 2):
        entry = styles.add_style(f"toc {level}", WD_STYLE_TYPE.PARAGRAPH)
        entry.base_style = styles["Normal"]
        entry.paragraph_format.left_indent, entry.paragraph_format.space_after = Pt(12 * (level - 1)), Pt(2)


def _opening(writing: Writing, report: Report) -> None:
    writing.document.add_heading(report.title, 0)
    for fact in report.facts:
        line = writing.paragraph(style="List Bullet")
        line.add_run(f"{fact.name}: ").bold = True
        line.add_run(fact.value)
    writing.paragraph().add_run(report.labels.made_with).italic = True


def _documents(writing: Writing, report: Report) -> None:
    words = report.labels
    writing.heading(words.documents, 1)
    rows = [(words.number, words.file, words.extent_name, "SHA-256")]
    writing.table(rows + [(str(each.number), each.file_name, each.extent, each.sha256) for each in report.documents])


def _findings(writing: Writing, report: Report) -> None:
    words = report.labels
    writing.heading(words.findings, 1)
    if not report.findings:
        writing.paragraph(words.nothing_found)
        return
    rows = [(words.number, words.severity, words.kind, words.finding, words.where)]
    rows += [
        (str(each.number), each.severity_name, each.kind_name, each.title, "; ".join(each.places))
        for each in report.findings
    ]
    writing.table(rows)
    for each in report.findings:
        _finding(writing, each)


def _finding(writing: Writing, finding: ReportFinding) -> None:
    writing.heading(f"{finding.number}. {finding.title}", 2)
    marks = writing.paragraph()
    severity = marks.add_run(finding.severity_name)
    severity.bold = True
    if finding.severity in COLOURS:
        severity.font.color.rgb = COLOURS[finding.severity]
    marks.add_run(f", {finding.kind_name}")
    writing.paragraphs(finding.explanation)
    for quotation in finding.quotations:
        writing.paragraphs(quotation.text, "Quote")
        _small(writing.paragraph(), f"— {quotation.place}")


def _ending(writing: Writing, report: Report) -> None:
    words = report.labels
    writing.heading(words.unread, 1)
    for each in report.unread:
        writing.paragraph(each, "List Bullet")
    if not report.unread:
        writing.paragraph(words.all_read)
    writing.heading(words.checked, 1)
    writing.paragraph(report.dropped)


def _small(paragraph: "Paragraph", text: str) -> None:
    run = paragraph.add_run(text)
    run.font.size, run.font.color.rgb = Pt(9), GREY
