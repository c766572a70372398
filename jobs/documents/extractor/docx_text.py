"""The text of a Word document: paragraphs and tables in order, with what was inserted and without what was deleted.

Left out are headers, footers and comments. Foot- and endnotes stand at the end.
"""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docx
from docx.opc.constants import RELATIONSHIP_TYPE as PART
from docx.opc.exceptions import PackageNotFoundError
from lxml import etree  # type: ignore[import-untyped] # it has no types of its own

from jobs.documents.extractor.docx_numbering import Numbering, W, numbering_of
from jobs.documents.extractor.limits import HIGHEST_RATIO, LARGEST_UNPACKED, MOST_PARTS, UNPACKED_UNSUSPICIOUS
from jobs.documents.extractor.refused import Refused

# what Word writes a second time for older programs; and what was deleted, moved away or is no text
SKIPPED = {
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
    f"{W}del",
    f"{W}moveFrom",
    f"{W}delText",
    f"{W}instrText",
    f"{W}pPr",
    f"{W}rPr",
}
SIGNS = {f"{W}tab": "\t", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "-"}
PICTURES = ("{http://schemas.openxmlformats.org/drawingml/2006/main}blip", "{urn:schemas-microsoft-com:vml}imagedata")
BETWEEN_CELLS = " | "
ENCRYPTED_FLAG = 0x1


def paragraphs(path: Path) -> Iterator[str]:
    _require_harmless(path)
    document = _opened(path)
    numbering = numbering_of(_part(document, PART.NUMBERING), _part(document, PART.STYLES))
    some = False
    for text in _all(document, numbering):
        some = True
        yield text
    if not some and any(document.element.body.find(f".//{tag}") is not None for tag in PICTURES):
        raise Refused("document_scanned")


def _all(document: Any, numbering: Numbering) -> Iterator[str]:
    yield from _blocks(document.element.body, numbering)
    for kind in (PART.FOOTNOTES, PART.ENDNOTES):
        notes = _part(document, kind)
        if notes is not None:
            yield from _notes(notes)


def _require_harmless(path: Path) -> None:
    """Before anything is unpacked: what the archive itself says of its parts binds whoever unpacks them."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        raise Refused("document_broken") from None
    if any(part.flag_bits & ENCRYPTED_FLAG for part in parts):
        raise Refused("document_encrypted")
    unpacked = sum(part.file_size for part in parts)
    packed = max(1, path.stat().st_size)
    suspicious = unpacked > UNPACKED_UNSUSPICIOUS and unpacked / packed > HIGHEST_RATIO
    if len(parts) > MOST_PARTS or unpacked > LARGEST_UNPACKED or suspicious:
        raise Refused("document_bomb", megabytes=unpacked // 1_000_000)


def _opened(path: Path) -> Any:
    try:
        return docx.Document(str(path))
    except ValueError:
        raise Refused("document_type_unknown") from None  # a spreadsheet, for instance
    except etree.XMLSyntaxError as error:
        if error.code == etree.ErrorTypes.ERR_NO_MEMORY:
            raise MemoryError from None
        raise Refused("document_broken") from None
    except (PackageNotFoundError, zipfile.BadZipFile, zlib.error, KeyError, AttributeError, EOFError, OSError):
        raise Refused("document_broken") from None


def _part(document: Any, kind: str) -> Any:
    """The root of a part that belongs to the document, or None."""
    try:
        part = document.part.part_related_by(kind)
        element = getattr(part, "element", None)
        safe = etree.XMLParser(resolve_entities=False, no_network=True)
        return element if element is not None else etree.fromstring(part.blob, safe)
    except (KeyError, ValueError, etree.XMLSyntaxError):
        return None


def _blocks(container: Any, numbering: Numbering) -> Iterator[str]:
    """Also those that stand in a content control or in what was inserted."""
    for child in container:
        if child.tag == f"{W}p":
            if text := _paragraph(child, numbering):
                yield text
        elif child.tag == f"{W}tbl":
            if rows := [row for row in _rows(child, numbering) if row.strip(" |")]:
                yield "\n".join(rows)
        elif child.tag not in SKIPPED and isinstance(child.tag, str):
            yield from _blocks(child, numbering)


def _paragraph(paragraph: Any, numbering: Numbering) -> str:
    text = "".join(_words(paragraph)).strip()
    label = numbering.label(paragraph) if text else ""
    return f"{label} {text}" if label else text


def _words(paragraph: Any) -> Iterator[str]:
    """Without recursion: a hostile file may be nested as deep as it likes."""
    waiting = [paragraph]
    while waiting:
        element = waiting.pop()
        if element.tag == f"{W}t":
            yield element.text or ""
        elif element.tag in SIGNS:
            yield SIGNS[element.tag]
        elif element.tag in (f"{W}footnoteReference", f"{W}endnoteReference"):
            yield f"[{element.get(f'{W}id', '')}]"
        elif element.tag not in SKIPPED:
            if element.tag == f"{W}p" and element is not paragraph:
                yield "\n"  # of a text box
            waiting.extend(reversed(element))


def _rows(table: Any, numbering: Numbering) -> Iterator[str]:
    for row in table.iter(f"{W}tr"):
        if _table_of(row) is table:
            cells = [
                " ".join(_cell(cell, numbering).split()) for cell in row.iter(f"{W}tc") if _table_of(cell) is table
            ]
            yield BETWEEN_CELLS.join(cells)


def _table_of(element: Any) -> Any:
    return next(element.iterancestors(f"{W}tbl"), None)


def _cell(cell: Any, numbering: Numbering) -> str:
    # one in another is of a text box, and is read with that other one
    own = [each for each in cell.iter(f"{W}p") if next(each.iterancestors(f"{W}p"), None) is None]
    return "\n".join(_paragraph(each, numbering) for each in own)


def _notes(notes: Any) -> Iterator[str]:
    for note in notes:
        if isinstance(note.tag, str) and note.get(f"{W}type") is None:
            text = " ".join("".join(_words(each)).strip() for each in note.iter(f"{W}p")).strip()
            if text:
                yield f"[{note.get(f'{W}id', '')}] {text}"
