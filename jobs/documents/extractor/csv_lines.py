"""A table in a text file: a line for each row, and the header at the top of every page."""

import csv
import io
from collections.abc import Iterator

DELIMITERS = ",;\t|"
SAMPLE_LINES = 50
LONGEST_CELL = 1_000_000
BETWEEN_CELLS = " | "


def delimiter_of(text: str) -> str | None:
    """The one by which the first lines fall into equally many cells; None where no sign does that."""
    found = [(columns, delimiter) for delimiter in DELIMITERS if (columns := _columns(text, delimiter)) > 1]
    return max(found, key=lambda each: each[0])[1] if found else None


def _columns(text: str, delimiter: str) -> int:
    """How many columns there are by this delimiter; 0 where it does not make a table."""
    try:
        rows = [row for row in _rows("\n".join(text.splitlines()[:SAMPLE_LINES]), delimiter) if any(row)]
    except csv.Error:
        return 0
    if len(rows) < 2:
        return 0
    columns = len(rows[0])
    alike = sum(1 for row in rows if len(row) == columns)
    return columns if alike >= 0.9 * len(rows) else 0


def lines(text: str) -> Iterator[str]:
    """As they stand where it is no table after all: a quotation mark that nobody closed makes one cell of the rest."""
    try:
        rows = list(_rows(text, delimiter_of(text) or ","))
    except csv.Error:
        rows = [[line] for line in text.splitlines()]
    for row in rows:
        cells = [" ".join(cell.split()) for cell in row]
        if any(cells):
            yield BETWEEN_CELLS.join(cells)


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(LONGEST_CELL)
    yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
