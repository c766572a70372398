"""The examples of the README: every fenced block below a comment `<!-- example: NAME -->`, as it stands there."""

import re
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"^<!-- example: ([a-z]+) -->\n```([a-z]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """`language`: sh, python or js."""

    name: str
    language: str
    text: str


def readme_blocks(readme: str | None = None) -> list[Block]:
    return [Block(*found) for found in BLOCK.findall(README.read_text("utf-8") if readme is None else readme)]


def readme_block(name: str, language: str) -> Block:
    [found] = [block for block in readme_blocks() if (block.name, block.language) == (name, language)]
    return found
