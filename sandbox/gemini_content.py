"""What the stand-in for Gemini writes where a form is asked for: varied, and the same again for the same request.

`ScriptedGemini(Content())`, or alone: `python -m sandbox.gemini_content --port 8082`. Words come from
`sandbox.gemini_words`, in Russian or German where the request is, or says so.
"""

import argparse
import json
import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import uvicorn

from sandbox.gemini import ScriptedGemini
from sandbox.gemini_words import LANGUAGES, Words
from sandbox.llm.answers import echo

Json = dict[str, Any]

CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)
GERMAN = re.compile("[äöüß]|\\b(?:und|der|die|das|eine?|mit)\\b", re.IGNORECASE)
NUMBERED = re.compile(r"^(\d+)\. ", re.MULTILINE)
# of what a schema leaves open
SHORTEST_LIST, LONGEST_LIST = 2, 4


@dataclass(frozen=True)
class Content:
    """`seed`: another one gives other worlds. `fewer`: of how many items in a list one is left out, none by 0.

    `repeats`: of how many names one is a name that was given before.
    """

    seed: int = 0
    fewer: int = 0
    repeats: int = 0

    def __call__(self, body: Json) -> str:
        schema = body.get("schema")
        if schema is None:
            return echo(body)
        asked = "\n".join(str(message["content"]) for message in body["messages"])
        # not hash(): that differs from process to process
        dice = random.Random(f"{self.seed} {asked}")
        writer = _Writer(self, dice, LANGUAGES[_language(asked, echo(body))], schema, NUMBERED.findall(echo(body)))
        return json.dumps(writer.value(schema, ""), ensure_ascii=False)


def _language(asked: str, request: str) -> str:
    """The first request is in the words of a person, the later ones name the language, and hold what was made of it."""
    if CYRILLIC.search(request) or len(CYRILLIC.findall(asked)) > len(asked) / 5:
        return "ru"
    named = "Write in " in asked
    return "de" if "Write in German" in asked or (not named and len(GERMAN.findall(request)) > 1) else "en"


@dataclass(frozen=True)
class _Writer:
    content: Content
    dice: random.Random
    words: Words
    schema: Json
    # what the request numbers; of fewer items the first ones are those that are left out
    numbers: list[str]

    def value(self, node: Json, name: str) -> Any:
        """Something that is valid by the node, as its name lets expect."""
        node = self._resolved(node)
        if "enum" in node:
            return self.dice.choice(node["enum"])
        if choices := node.get("anyOf") or node.get("oneOf"):
            return self.value(self.dice.choice(choices), name)
        kind = node.get("type", "string")
        if kind == "object":
            return {each: self.value(below, each) for each, below in node.get("properties", {}).items()}
        if kind == "array":
            return self._list(node, name)
        if kind in ("integer", "number"):
            low = node.get("minimum", 0)
            return self.dice.randint(int(low), int(node.get("maximum", low + 100)))
        return {"boolean": lambda: self.dice.random() < 0.6, "null": lambda: None}.get(kind, lambda: self.text(name))()

    def text(self, name: str) -> str:
        special: dict[str, Callable[[], str]] = {
            "language": lambda: self.words.language,
            "username": self._username,
            "name": lambda: self.words.name(self.dice),
            "display_name": lambda: self.words.person(self.dice),
            "roles": lambda: self.dice.choice(self.words.roles),
            "hashtags": lambda: "#" + self.dice.choice(self.words.themes).replace(" ", ""),
            "interests": lambda: self.dice.choice(self.words.themes),
            "mood": lambda: self.dice.choice(self.words.moods),
        }
        if name in special:
            return special[name]()
        if name.endswith("_prompt") or name in ("image_style", "avatar_description"):
            return LANGUAGES["en"].sentences(self.dice, 1)
        return self.words.sentences(self.dice, self.dice.randint(1, 3))

    def _username(self) -> str:
        if self.content.repeats and self.dice.randrange(self.content.repeats) == 0:
            return "the_same_again"
        english = LANGUAGES["en"]
        return f"{self.dice.choice(english.moods)}_{self.dice.choice(english.roles)}{self.dice.randrange(1000)}"

    def _list(self, node: Json, name: str) -> list[Any]:
        least = node.get("minItems", SHORTEST_LIST)
        count = node.get("maxItems", LONGEST_LIST) if least == node.get("maxItems") else max(least, SHORTEST_LIST)
        if self.content.fewer:
            count = max(1, count - count // self.content.fewer)
        left_out = max(0, len(self.numbers) - count)
        items = [self.value(node.get("items", {}), name) for _ in range(count)]
        return [
            {**item, "place": int(number)} if isinstance(item, dict) and "place" in item else item
            for item, number in zip_longest(items, self.numbers[left_out : left_out + count], fillvalue="0")
        ]

    def _resolved(self, node: Json) -> Json:
        while "$ref" in node:
            node = self.schema["$defs"][node["$ref"].rpartition("/")[2]]
        return node


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.gemini_content", description=__doc__)
    parser.add_argument("--port", type=int, default=8082)
    parser.add_argument("--latency", type=float, default=0, metavar="MS", help="before the first byte of an answer")
    parser.add_argument("--seed", type=int, default=0, help="another one gives other worlds")
    options = parser.parse_args(None if arguments is None else list(arguments))
    gemini = ScriptedGemini(Content(options.seed), latency=options.latency / 1000)
    uvicorn.run(gemini.app, host="127.0.0.1", port=options.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
