"""What is a text together with its entities, and how long may it be?"""

import re
from dataclasses import dataclass

from sandbox.bot_api.wire import Wire, utf16_length

FOUND_IN_TEXT = re.compile(
    r"(?P<url>https?://[^\s<>\"']+[^\s<>\"'.,!?;:)])"
    r"|(?P<email>\b[\w.+-]+@[\w-]+\.[\w.-]*\w)"
    r"|(?<![\w/@])(?P<mention>@[A-Za-z]\w{3,31})\b"
    r"|(?<![\w/])(?P<bot_command>/[A-Za-z0-9_]{1,64}(?:@\w{3,32})?)(?![\w/])"
    r"|(?<!\w)(?P<hashtag>#\w*[^\W\d]\w*)"
)
OPAQUE = {"code", "pre", "text_link", "url"}


@dataclass(frozen=True)
class FormattedText:
    """Entities are Telegram's MessageEntity objects; offsets count UTF-16 units."""

    text: str = ""
    entities: tuple[Wire, ...] = ()

    def wire(self, text_name: str, entities_name: str) -> Wire:
        if not self.text:
            return {}
        found = {text_name: self.text}
        return {**found, entities_name: list(self.entities)} if self.entities else found


NO_TEXT = FormattedText()


def finished(text: str, entities: list[Wire]) -> FormattedText:
    """Trims white space like Telegram, clips the entities to what is left and adds those that the text implies."""
    left_out = utf16_length(text) - utf16_length(text.lstrip())
    trimmed = text.strip()
    end = utf16_length(trimmed)
    clipped = [moved for entity in entities if (moved := clip(entity, left_out, end)) is not None]
    clipped.extend(implied_entities(trimmed, clipped))
    return FormattedText(trimmed, tuple(sorted(clipped, key=lambda entity: (entity["offset"], -entity["length"]))))


def clip(entity: Wire, left_out: int, end: int) -> Wire | None:
    start = max(int(entity["offset"]) - left_out, 0)
    stop = min(int(entity["offset"]) + int(entity["length"]) - left_out, end)
    return {**entity, "offset": start, "length": stop - start} if stop > start else None


def implied_entities(text: str, given: list[Wire]) -> list[Wire]:
    """Commands, links, mentions and tags that Telegram marks by itself."""
    taken = [(entity["offset"], entity["offset"] + entity["length"]) for entity in given if entity["type"] in OPAQUE]
    found: list[Wire] = []
    for match in FOUND_IN_TEXT.finditer(text):
        offset, length = utf16_length(text[: match.start()]), utf16_length(match.group())
        if not any(start < offset + length and offset < stop for start, stop in taken):
            found.append({"offset": offset, "length": length, "type": match.lastgroup})
    return found
