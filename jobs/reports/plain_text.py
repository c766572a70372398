"""Text of documents and models without what a file format cannot hold or a reader would not see as text."""

import re

# XML 1.0 has no way to write these, and nobody can see them anyway
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]")
# marks that turn the direction of what follows: they could make a quotation read otherwise than it is
TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# what some formats take for the end of a line
BREAKS = re.compile("\r\n?|[\u0085\u2028\u2029]")


def plain(text: str) -> str:
    r"""The only control characters left are \n and \t."""
    return TURNING.sub("", UNSEEN.sub("", BREAKS.sub("\n", text)))


def one_line(text: str) -> str:
    return " ".join(plain(text).split())
