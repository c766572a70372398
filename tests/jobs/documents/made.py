"""Documents as people have them, and as nobody should have them."""

import io
import struct
import zipfile
from collections.abc import Sequence
from itertools import repeat

import docx
import typst
from PIL import Image

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
CONTENT_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/word/document.xml" ContentType="{WORD}"/></Types>'
)
RELATIONSHIPS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Target="word/document.xml" Type='
    '"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>'
)


def pdf(*pages: str) -> bytes:
    """Typst's markup, a page each."""
    return typst.compile(b"\n#pagebreak()\n".join(page.encode() for page in pages))


def scanned_pdf() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 80), "white").save(out, "PDF")
    return out.getvalue()


def hand_made_pdf(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """The first object is the catalogue."""
    data, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    return data + (
        b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<</Size %d/Root 1 0 R%b>>\nstartxref\n%d\n%%%%EOF\n"
        % (count, table, count, trailer, len(data))
    )


PAGES = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"


def encrypted_pdf() -> bytes:
    key = b"<" + b"5a" * 32 + b">"
    lock = b"/Encrypt<</Filter/Standard/V 1/R 2/P -4/O%b/U%b>>/ID[<00><00>]" % (key, key)
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"
    return hand_made_pdf([b"<</Type/Catalog/Pages 2 0 R>>", PAGES, page], lock)


def endless_pdf() -> bytes:
    """An empty page, and one whose drawing calls another ten times, and that one the next: it has no end."""
    depth, first = 9, 5
    pages, empty = b"<</Type/Pages/Kids[4 0 R 3 0 R]/Count 2>>", b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents %d 0 R/Resources<</XObject<</F %d 0 R>>>>>>"
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", pages, page % (first, first + 1), empty, _stream(b"", b"/F Do " * 10)]
    for level in range(depth):
        inner = b"/Resources<</XObject<</F %d 0 R>>>>" % (first + 2 + level) if level < depth - 1 else b""
        calls = b"/F Do " * 10 if inner else b"0 0 1 1 re f"
        objects.append(_stream(b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]" + inner, calls))
    return hand_made_pdf(objects)


def _stream(entries: bytes, data: bytes) -> bytes:
    return b"<<%b/Length %d>>stream\n%b\nendstream" % (entries, len(data), data)


def many_pages_pdf(count: int) -> bytes:
    kids = b" ".join(b"%d 0 R" % number for number in range(3, 3 + count))
    pages = b"<</Type/Pages/Kids[%b]/Count %d>>" % (kids, count)
    return hand_made_pdf(
        [b"<</Type/Catalog/Pages 2 0 R>>", pages, *repeat(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>", count)]
    )


def docx_of(body: str, *, before: str = "", more: dict[str, bytes] | None = None) -> bytes:
    """With this XML in it, what stands before it, and whatever else belongs into the archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", CONTENT_TYPES)
        archive.writestr("_rels/.rels", RELATIONSHIPS)
        archive.writestr("word/document.xml", f'{before}<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>')
        for name, data in (more or {}).items():
            archive.writestr(name, data)
    return out.getvalue()


def docx_bomb() -> bytes:
    return docx_of("", more={"word/media/image1.bin": bytes(60_000_000)})


def locked_archive(plain: bytes) -> bytes:
    """Its parts are marked as encrypted, in both places that say so."""
    marked = bytearray(plain)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = marked.find(signature)
        while at >= 0:
            (flags,) = struct.unpack_from("<H", marked, at + offset)
            struct.pack_into("<H", marked, at + offset, flags | 1)
            at = marked.find(signature, at + 4)
    return bytes(marked)


def contract_docx() -> bytes:
    """As Word writes it: numbered clauses, a table, and a change that nobody has accepted yet."""
    document = docx.Document()
    document.add_heading("Договор № 7", 1)
    for words in ("Предмет договора", "Цена"):
        document.add_paragraph(words, style="List Number")
    table = document.add_table(rows=2, cols=2)
    for cell, words in zip([c for row in table.rows for c in row.cells], ("Товар", "Цена", "茶", "5 €"), strict=True):
        cell.text = words
    changed = document.add_paragraph("Срок ")
    changed._p.append(_run("<w:ins><w:r><w:t>тридцать</w:t></w:r></w:ins>"))
    changed._p.append(_run("<w:del><w:r><w:delText>десять</w:delText></w:r></w:del>"))
    changed.add_run(" дней. Η σύμβαση ισχύει.")
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _run(xml: str) -> object:
    from docx.oxml.parser import parse_xml

    return parse_xml(xml.replace(">", f' xmlns:w="{W}">', 1))
