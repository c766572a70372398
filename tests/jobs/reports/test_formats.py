"""The same content in every format, in both languages, and whatever documents and models say stays text."""

import html.parser
import io
import re
import zipfile

import docx
import pypdfium2  # type: ignore[import-untyped] # it has no types of its own
import pytest
from docx.document import Document
from docx.oxml.ns import qn
from lxml import etree  # type: ignore[import-untyped] # it has no types of its own
from markdown_it import MarkdownIt
from markdown_it.token import Token

from jobs.reports.formats import FORMATS, file_name
from jobs.reports.model import Report, report_of
from jobs.reports.rendering import render
from tests.jobs.reports.compared import HOSTILE, LINES, comparison

INVISIBLE = re.compile("[\u200b\ufffe\u00ad\u00a0]")


def bare(words: str) -> str:
    """Without what layout adds or takes: spaces, breaks, and the hyphens of a broken word in a PDF."""
    return re.sub(r"\s+", "", INVISIBLE.sub("", words))


class Text(html.parser.HTMLParser):
    """What a browser shows, and which elements it meets."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.tags = "", set[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not [value for name, value in attrs if name in ("src", "onerror", "onload")]
        assert all((value or "").startswith("#") for name, value in attrs if name == "href")

    def handle_data(self, data: str) -> None:
        self.words += data


def shown_by_html(content: bytes) -> str:
    text = Text()
    text.feed(content.decode())
    assert text.tags.isdisjoint({"script", "img", "b", "label", "iframe", "link"})
    return text.words


def shown_by_markdown(content: bytes) -> str:
    """By a reader of Markdown with all that it can: nothing of the content may have become a link or a picture."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = reader.parse(content.decode())
    inline = [each for token in tokens for each in token.children or []]
    kinds = {each.type for each in [*tokens, *inline]}
    unwanted = ("link", "image", "html", "code", "fence", "s_", "hr", "ordered")
    assert [kind for kind in kinds if kind.startswith(unwanted)] == []
    return "\n".join(_words(token) for token in tokens if token.type == "inline")


def _words(token: Token) -> str:
    return "".join(each.content if each.type == "text" else " " for each in token.children or [])


def opened(content: bytes) -> Document:
    return docx.Document(io.BytesIO(content))


def shown_by_docx(content: bytes) -> str:
    # of all that is in the file, also what python-docx does not look into
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        tree = etree.fromstring(archive.read("word/document.xml"))
        assert b"evil.example" not in archive.read("word/_rels/document.xml.rels")
    return "\n".join("".join(each.itertext("{*}t")) for each in tree.iter("{*}p"))


def shown_by_pdf(content: bytes) -> str:
    document = pypdfium2.PdfDocument(content)
    words = "".join(page.get_textpage().get_text_bounded() + "\n" for page in document)
    assert b"/URI" not in content
    document.close()
    # the foot of each page
    return re.sub(r"\n?\r?\d+ / \d+\r?\n", "\n", words)


SHOWN = {"md": shown_by_markdown, "html": shown_by_html, "docx": shown_by_docx, "pdf": shown_by_pdf}


def everything_said(report: Report) -> list[str]:
    words = [report.title, report.summary, report.dropped, *report.unread, report.labels.made_with]
    words += [each for fact in report.facts for each in (fact.name, fact.value)]
    words += [each for one in report.documents for each in (one.file_name, one.extent, one.sha256)]
    for finding in report.findings:
        words += [finding.title, finding.severity_name, finding.kind_name, *finding.explanation.splitlines()]
        words += [each for one in finding.quotations for each in (one.place, *one.text.splitlines())]
    return [each for each in words if each.strip()]


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("fmt", FORMATS)
def test_every_format_says_all_of_it_and_runs_none_of_it(fmt: str, language: str) -> None:
    report = report_of(comparison(language, words=HOSTILE))
    content = render(report, fmt)
    shown = bare(SHOWN[fmt](content))
    missing = [each for each in everything_said(report) if bare(each) not in shown]
    assert missing == []
    assert b"root:" not in content
    assert "dlrow" in shown
    assert "\u202e" not in shown, "a mark that turns what follows is no text"


@pytest.mark.parametrize("fmt", FORMATS)
def test_a_report_without_findings_says_so(fmt: str) -> None:
    report = report_of(comparison(findings=0, unread=[], dropped=0, summary="", question=" "))
    shown = SHOWN[fmt](render(report, fmt))
    for words in ("Nothing was found.", "Everything was read.", "None had to be left out."):
        assert bare(words) in bare(shown)
    assert "Question" not in shown
    assert "Summary" not in shown


def test_a_docx_has_real_headings_contents_that_lead_to_them_and_a_table() -> None:
    report = report_of(comparison("ru", words="\x00\x0b"))
    document = opened(render(report, "docx"))
    styled = [(each.style.name if each.style else "", each.text) for each in document.paragraphs]
    headings = [(style, words) for style, words in styled if (style or "").startswith("Heading")]
    assert headings == [
        ("Heading 1", "Документы"), ("Heading 1", "Краткие выводы"), ("Heading 1", "Что найдено"),
        ("Heading 2", "1. Term 1"), ("Heading 2", "2. Term 2"),
        ("Heading 1", "Что не удалось прочитать"), ("Heading 1", "Как проверены цитаты"),
    ]  # fmt: skip
    assert styled[0] == ("Title", "Contracts")
    body = document.element.body
    names = {each.get(qn("w:name")) for each in body.iter("{*}bookmarkStart")}
    links = [(each.get(qn("w:anchor")), "".join(each.itertext("{*}t"))) for each in body.iter("{*}hyperlink")]
    assert [words for _, words in links] == [words for _, words in headings]
    assert {anchor for anchor, _ in links} == names
    assert "TOC" in "".join(each.text for each in body.iter("{*}instrText"))
    files, findings = document.tables
    assert [cell.text for cell in files.rows[1].cells][1:] == [
        report.documents[0].file_name,
        report.documents[0].extent,
        "a" * 64,
    ]
    assert [[cell.text for cell in row.cells][:4] for row in findings.rows] == [
        ["№ п/п", "Важность", "Вид", "Находка"],
        ["1", "средняя", "различие", "Term 1"],
        ["2", "низкая", "различие", "Term 2"],
    ]
    assert document.core_properties.title == report.title
    assert "ru-RU" in etree.tostring(document.styles.element).decode()


def test_a_pdf_has_contents_that_lead_to_pages_and_stays_on_them() -> None:
    words = "x" * 400
    content = render(report_of(comparison("ru", findings=12, words=words)), "pdf")
    document = pypdfium2.PdfDocument(content)
    titles = [each.get_title() for each in document.get_toc()]
    assert titles[:3] == ["Документы", "Краткие выводы", "Что найдено"]
    assert titles[3].startswith("1. Term 1")
    right = max(rightmost(page) for page in document)
    assert right < document[0].get_width() - 40, "nothing runs into the margin"
    document.close()


def test_a_pdf_can_be_archived_and_says_where_letters_have_no_font() -> None:
    usual = render(report_of(comparison("ru", words="Ελληνικά עברית № “x” → ≤")), "pdf")
    assert b"pdfaid:part>2<" in usual
    assert "нет шрифта" not in shown_by_pdf(usual)
    # of a script that no machine has a font for
    lacking = render(report_of(comparison("ru", words="\U00013000\U0001f6d8")), "pdf")
    assert bare("нет шрифта") in bare(shown_by_pdf(lacking))
    assert bare("в течение 10 дней") in bare(shown_by_pdf(lacking))


def rightmost(page: pypdfium2.PdfPage) -> float:
    words = page.get_textpage()
    return max(float(words.get_charbox(number)[2]) for number in range(words.count_chars()))


def test_quotations_keep_their_lines_and_pages_have_the_names_that_their_readers_know() -> None:
    report = report_of(comparison())
    [first, second] = report.findings[0].quotations
    assert first.place.endswith(".pdf, page 1")
    assert second.place == "contract.docx, part 2", "a DOCX has no pages before it is laid out"
    assert first.text.splitlines()[1:] == LINES.splitlines()
    assert report.unread == ("договор .pdf: page 4 has no text",)


def test_the_name_of_a_file_is_one() -> None:
    assert file_name("Договор № 1/2: «проект»", "pdf") == "Договор 1 2 проект.pdf"
    assert file_name('../..\\x\0"\r\n', "md") == "x.md"
    assert file_name("???", "docx") == "report.docx"
    assert len(file_name("я" * 500, "html")) < 100
