"""How long may a text in a chat be, and where is a longer one cut?"""

LONGEST_TEXT = 4096
LONGEST_CAPTION = 1024


def split_text(text: str, limit: int = LONGEST_TEXT) -> list[str]:
    """Parts that Telegram accepts, cut at a paragraph, a line or a space where there is one in the last half."""
    parts = []
    rest = text.strip()
    while length(rest) > limit:
        room = _fitting(rest, limit)
        cut = next((at for mark in ("\n\n", "\n", " ") if (at := rest.rfind(mark, room // 2, room)) > 0), room)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*parts, rest] if rest else parts


def length(text: str) -> int:
    """As Telegram counts it: in UTF-16 units, in which an emoji is two."""
    return len(text.encode("utf-16-le")) // 2


def shortened(text: str, limit: int) -> str:
    return text if length(text) <= limit else f"{text[: _fitting(text, limit - 1)]}…"


def _fitting(text: str, limit: int) -> int:
    return len(text.encode("utf-16-le")[: limit * 2].decode("utf-16-le", errors="ignore"))
