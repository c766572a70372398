"""Text as it is, also Markdown: paragraphs are what empty lines part."""

import re

EMPTY_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")


def paragraphs(text: str) -> list[str]:
    unified = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n")
    return [each.strip("\n").rstrip() for each in EMPTY_LINES.split(unified) if each.strip()]
