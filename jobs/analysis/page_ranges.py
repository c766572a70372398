"""Pages in words that are short: 3, 7–9."""

from collections.abc import Sequence
from itertools import groupby

MOST_SHOWN = 20


def ranges(pages: Sequence[int]) -> str:
    """`pages` in their order; of very many ranges the first ones."""
    runs = [[page for _, page in run] for _, run in groupby(enumerate(pages), key=lambda each: each[1] - each[0])]
    words = [str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs[:MOST_SHOWN]]
    return ", ".join(words + ["…"] * (len(runs) > MOST_SHOWN))
