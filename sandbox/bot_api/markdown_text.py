"""What does a text mean with parse_mode MarkdownV2 or the older Markdown?"""

import re
from dataclasses import dataclass, field

from sandbox.bot_api.errors import BotApiError, bad_request
from sandbox.bot_api.wire import Wire, utf16_length

RESERVED = set("_*[]()~`>#+-=|{}.!")
DELIMITERS_V2 = {
    "```": "pre",
    "__": "underline",
    "||": "spoiler",
    "*": "bold",
    "_": "italic",
    "~": "strikethrough",
    "`": "code",
}
DELIMITERS_V1 = {"```": "pre", "*": "bold", "_": "italic", "`": "code"}
LINK_TARGET = re.compile(r"\]\(((?:\\.|[^)\\])*)\)")
LANGUAGE = re.compile(r"([A-Za-z0-9_+-]+)\n|\n")


@dataclass
class MarkdownReader:
    source: str
    delimiters: dict[str, str]
    strict: bool
    output: list[str] = field(default_factory=list)
    length: int = 0
    open_marks: list[tuple[str, int, int]] = field(default_factory=list)
    entities: list[Wire] = field(default_factory=list)

    def read(self) -> tuple[str, list[Wire]]:
        position = 0
        while position < len(self.source):
            position = self.step(position)
        if self.open_marks:
            mark, _, at = self.open_marks[-1]
            kind = self.delimiters.get(mark, "text_link").title().replace("_", "")
            raise self.problem(f"Can't find end of {kind} entity", at)
        return "".join(self.output), self.entities

    def problem(self, what: str, position: int) -> BotApiError:
        offset = len(self.source[:position].encode())
        return bad_request(f"can't parse entities: {what} at byte offset {offset}")

    def write(self, text: str) -> int:
        self.output.append(text)
        self.length += utf16_length(text)
        return len(text)

    def step(self, position: int) -> int:
        rest = self.source[position:]
        if rest[0] == "\\" and len(rest) > 1 and ord(rest[1]) < 127:
            return position + 1 + self.write(rest[1])
        mark = next((mark for mark in self.delimiters if rest.startswith(mark)), None)
        if mark in {"`", "```"}:
            return self.read_code(mark, position)
        if mark is not None:
            return self.toggle(mark, position)
        if rest[0] == "[":
            self.open_marks.append(("[", self.length, position))
            return position + 1
        if rest[0] == "]" and self.open_marks and self.open_marks[-1][0] == "[":
            return self.close_link(position)
        if self.strict and rest[0] in RESERVED and not self.starts_quote(position):
            reason = f"Character '{rest[0]}' is reserved and must be escaped with the preceding '\\'"
            raise bad_request(f"can't parse entities: {reason}")
        return position + self.write(rest[0])

    def starts_quote(self, position: int) -> bool:
        return self.source[position] == ">" and (position == 0 or self.source[position - 1] == "\n")

    def toggle(self, mark: str, position: int) -> int:
        if self.open_marks and self.open_marks[-1][0] == mark:
            _, start, _ = self.open_marks.pop()
            self.add(self.delimiters[mark], start)
        else:
            self.open_marks.append((mark, self.length, position))
        return position + len(mark)

    def read_code(self, mark: str, position: int) -> int:
        start, begin = self.length, position + len(mark)
        end = self.source.find(mark, begin)
        if end < 0:
            raise self.problem(f"Can't find end of {self.delimiters[mark].title()} entity", position)
        inside, language = self.source[begin:end], None
        if mark == "```" and (match := LANGUAGE.match(inside)):
            inside, language = inside[match.end() :], match.group(1)
        self.write(re.sub(r"\\(.)", r"\1", inside) if self.strict else inside)
        self.add(self.delimiters[mark], start, **({"language": language} if language else {}))
        return end + len(mark)

    def close_link(self, position: int) -> int:
        _, start, _ = self.open_marks.pop()
        match = LINK_TARGET.match(self.source, position)
        if match is None:
            return position + self.write("]") if not self.strict else position + 1
        self.add("text_link", start, url=re.sub(r"\\(.)", r"\1", match.group(1)))
        return match.end()

    def add(self, kind: str, start: int, **more: str) -> None:
        if self.length > start:
            self.entities.append({"offset": start, "length": self.length - start, "type": kind, **more})


def parse_markdown_v2(source: str) -> tuple[str, list[Wire]]:
    return MarkdownReader(source, DELIMITERS_V2, strict=True).read()


def parse_markdown(source: str) -> tuple[str, list[Wire]]:
    return MarkdownReader(source, DELIMITERS_V1, strict=False).read()
