"""What does a text mean with parse_mode HTML?"""

import re
from dataclasses import dataclass, field
from html import unescape

from sandbox.bot_api.errors import BotApiError, bad_request
from sandbox.bot_api.wire import Wire, utf16_length

SIMPLE_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}
ATTRIBUTE = re.compile(r"""([A-Za-z][\w-]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?""")
REFERENCE = re.compile(r"&(?:lt|gt|amp|quot|#[0-9]+|#x[0-9A-Fa-f]+);")


@dataclass
class OpenTag:
    name: str
    attributes: dict[str, str]
    start: int


@dataclass
class HtmlReader:
    """Reads one text; every refusal names the byte at which Telegram would stop."""

    source: str
    output: list[str] = field(default_factory=list)
    length: int = 0
    open_tags: list[OpenTag] = field(default_factory=list)
    entities: list[Wire] = field(default_factory=list)
    code_language: dict[tuple[int, int], str] = field(default_factory=dict)

    def read(self) -> tuple[str, list[Wire]]:
        position = 0
        while position < len(self.source):
            character = self.source[position]
            if character == "<":
                position = self.read_tag(position)
            elif character == "&" and (match := REFERENCE.match(self.source, position)):
                self.write(unescape(match.group()))
                position = match.end()
            else:
                self.write(character)
                position += 1
        if self.open_tags:
            name = self.open_tags[-1].name
            raise bad_request(f"can't parse entities: Can't find end tag corresponding to start tag \"{name}\"")
        return "".join(self.output), self.entities

    def write(self, text: str) -> None:
        self.output.append(text)
        self.length += utf16_length(text)

    def problem(self, what: str, position: int, more: str = "") -> BotApiError:
        offset = len(self.source[:position].encode())
        return bad_request(f"can't parse entities: {what} at byte offset {offset}{more}")

    def read_tag(self, position: int) -> int:
        end = self.source.find(">", position)
        closing = self.source.startswith("</", position)
        if end < 0:
            raise self.problem("Unclosed end tag" if closing else "Unclosed start tag", position)
        if closing:
            self.close(self.source[position + 2 : end].strip().lower(), position)
        else:
            self.open(self.source[position + 1 : end], position)
        return end + 1

    def open(self, inside: str, position: int) -> None:
        name, _, rest = inside.partition(" ")
        name = name.strip().lower()
        pairs = ATTRIBUTE.findall(rest)
        attributes = {key.lower(): unescape(one or two or three) for key, one, two, three in pairs}
        if name not in SIMPLE_TAGS or (name == "span" and attributes.get("class") != "tg-spoiler"):
            raise self.problem(f'Unsupported start tag "{name}"', position)
        self.open_tags.append(OpenTag(name, attributes, self.length))

    def close(self, name: str, position: int) -> None:
        if not self.open_tags:
            raise self.problem("Unexpected end tag", position)
        tag = self.open_tags.pop()
        if name and name != tag.name:
            more = f', expected "</{tag.name}>", found "</{name}>"'
            raise self.problem("Unmatched end tag", position, more)
        if self.length > tag.start:
            self.add(tag)

    def add(self, tag: OpenTag) -> None:
        entity: Wire = {"offset": tag.start, "length": self.length - tag.start, "type": SIMPLE_TAGS[tag.name]}
        if tag.name == "a":
            target = tag.attributes.get("href") or self.text_since(tag.start)
            if not target.startswith(("http://", "https://", "tg://")):
                return
            entity["url"] = target
        elif tag.name == "tg-emoji":
            entity["custom_emoji_id"] = tag.attributes.get("emoji-id", "")
        elif tag.name == "blockquote" and "expandable" in tag.attributes:
            entity["type"] = "expandable_blockquote"
        elif tag.name == "code":
            language = tag.attributes.get("class", "")
            if language.startswith("language-"):
                self.code_language[tag.start, self.length] = language.removeprefix("language-")
        elif tag.name == "pre":
            self.swallow_code(entity, tag.start)
        self.entities.append(entity)

    def swallow_code(self, pre: Wire, start: int) -> None:
        """`<pre><code class="language-x">` is one entity that names its language."""
        code = {**pre, "type": "code"}
        if self.entities and self.entities[-1] == code:
            self.entities.pop()
        if language := self.code_language.get((start, self.length)):
            pre["language"] = language

    def text_since(self, start: int) -> str:
        return "".join(self.output).encode("utf-16-le")[start * 2 :].decode("utf-16-le")


def parse_html(source: str) -> tuple[str, list[Wire]]:
    return HtmlReader(source).read()
