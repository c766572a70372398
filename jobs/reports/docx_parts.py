"""What DOCX has and python-docx has no words for: contents, bookmarks, a table's head on each page, a language."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.text.paragraph import Paragraph

if TYPE_CHECKING:
    from docx.document import Document
    from docx.table import _Row

# headings of two levels, as links; a word processor fills in the pages when it is asked to update the field
CONTENTS = r' TOC \o "1-2" \h \z \u '


def bookmark(paragraph: Paragraph, name: str, number: int) -> None:
    """Around the whole paragraph. `number` is unique in the file."""
    start, end = element("w:bookmarkStart", id=number, name=name), element("w:bookmarkEnd", id=number)
    first = paragraph._p.find(qn("w:r"))
    paragraph._p.insert(0 if first is None else paragraph._p.index(first), start)
    paragraph._p.append(end)


def add_contents(title: Paragraph, headings: Sequence[tuple[str, int, str]], styles: Mapping[int, str]) -> None:
    """Below `title`: text, level and bookmark of each heading; `styles` by level. Complete as it is made."""
    after = title
    for number, (text, level, name) in enumerate(headings):
        entry = Paragraph(OxmlElement("w:p"), title._parent)
        after._p.addnext(entry._p)
        entry._p.style = styles[level]
        if number == 0:
            entry._p.extend([_mark("begin"), _instruction(), _mark("separate")])
        link = element("w:hyperlink", anchor=name, history=1)
        link.append(_run(text))
        entry._p.append(link)
        if number == len(headings) - 1:
            entry._p.append(_mark("end"))
        after = entry


def repeat_header(row: "_Row") -> None:
    """The row's words are bold, and stand on top of each page that the table reaches."""
    row._tr.get_or_add_trPr().append(element("w:tblHeader", val="true"))
    for cell in row.cells:
        for paragraph in cell.paragraphs:
            for run in paragraph.runs:
                run.bold = True


def set_language(document: "Document", language: str) -> None:
    """In which spelling is checked."""
    defaults = document.styles.element.find(f"{qn('w:docDefaults')}/{qn('w:rPrDefault')}/{qn('w:rPr')}")
    for old in defaults.findall(qn("w:lang")):
        defaults.remove(old)
    defaults.append(element("w:lang", val=language, eastAsia=language))


def element(tag: str, /, **attributes: Any) -> Any:
    made = OxmlElement(tag)
    for key, value in attributes.items():
        made.set(qn(f"w:{key}"), str(value))
    return made


def _run(text: str) -> Any:
    run, words = OxmlElement("w:r"), OxmlElement("w:t")
    words.text = text
    words.set(qn("xml:space"), "preserve")
    run.append(words)
    return run


def _mark(kind: str) -> Any:
    run = OxmlElement("w:r")
    run.append(element("w:fldChar", fldCharType=kind))
    return run


def _instruction() -> Any:
    run, words = OxmlElement("w:r"), OxmlElement("w:instrText")
    words.text = CONTENTS
    words.set(qn("xml:space"), "preserve")
    run.append(words)
    return run
