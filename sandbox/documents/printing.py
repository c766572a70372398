"""The samples as people send them: PDF by typst, and DOCX. Each page of the source is a page of the PDF."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass

import docx
import typst

from sandbox.documents.samples import pages

# the text comes in as data: nothing in it is typst's own language
TEMPLATE = """
#set page(paper: "a4", margin: 2cm)
#set text(size: 10pt, lang: sys.inputs.language)
#set par(leading: 0.6em)
#let pages = json(bytes(sys.inputs.pages))
#for (number, blocks) in pages.enumerate() {
  if number > 0 { pagebreak() }
  for block in blocks {
    if block.level > 0 { heading(level: block.level, block.rows.first().first()) }
    else if block.rows.len() > 1 { table(columns: block.rows.first().len(), ..block.rows.flatten()) }
    else { par(block.rows.first().first()) }
  }
}
"""


@dataclass(frozen=True)
class Block:
    """A heading of a level from 1 on, a paragraph (one row of one cell), or a table."""

    level: int
    rows: tuple[tuple[str, ...], ...]


def pdf(source: str, language: str) -> bytes:
    shown = [[{"level": each.level, "rows": each.rows} for each in blocks(page)] for page in pages(source)]
    inputs = {"language": language, "pages": json.dumps(shown)}
    printed: bytes = typst.compile(TEMPLATE.encode(), sys_inputs=inputs)
    return printed


def word(source: str) -> bytes:
    document = docx.Document()
    for block in [each for page in pages(source) for each in blocks(page)]:
        if block.level:
            document.add_heading(block.rows[0][0], block.level)
        elif len(block.rows) == 1:
            document.add_paragraph(block.rows[0][0])
        else:
            table = document.add_table(len(block.rows), len(block.rows[0]))
            for row, cells in zip(table.rows, block.rows, strict=True):
                for cell, words in zip(row.cells, cells, strict=True):
                    cell.text = words
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def blocks(page: str) -> Iterator[Block]:
    for paragraph in page.split("\n\n"):
        text = paragraph.strip()
        if text.startswith("|"):
            rows = (line.strip("| ").split(" | ") for line in text.splitlines())
            yield Block(0, tuple(tuple(cell.strip() for cell in row) for row in rows))
        elif text.startswith("#"):
            marks, _, words = text.partition(" ")
            yield Block(len(marks), ((words,),))
        elif text:
            yield Block(0, ((" ".join(text.split()),),))
