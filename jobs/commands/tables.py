"""Tables for a person at a terminal, and for a program that reads them: there no line is cut or coloured."""

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

# no line of ours is as long
UNCUT = 10_000


def show(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """An empty cell is shown as a dash, so that each row has as many words as there are columns at least."""
    terminal = sys.stdout.isatty()
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="bold" if terminal else "")
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        # never as markup: a name may hold brackets
        table.add_row(*(Text(cell or "-") for cell in row))
    console = Console(file=sys.stdout, width=None if terminal else UNCUT, highlight=False)
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        print(line.rstrip())


def duration(seconds: float | None) -> str:
    """Short, for a cell: 12 s, 3 min, 5 h, 2 d; nothing for None."""
    if seconds is None:
        return ""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def share(part: float) -> str:
    return f"{part:.0%}"


def gigabytes(size: int | None) -> str:
    return "" if size is None else f"{size / 2**30:.1f}"
