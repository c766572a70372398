"""The prompts in the files beside, filled with what is known of a world."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jobs.db.world.characters import Character
from jobs.db.world.worlds import World

FOLDER = Path(__file__).parent / "prompts"
PARTS = "\n---\n"


@dataclass(frozen=True)
class Asked:
    """`system`: what a language model is; `request`: what it shall write now."""

    system: str
    request: str


def asked(file: str, /, **facts: Any) -> Asked:
    """From a file of two parts."""
    system, request = filled(file, **facts).split(PARTS, 1)
    return Asked(system.strip(), request.strip())


def filled(file: str, /, **facts: Any) -> str:
    """What stands in a fact is never taken for a place to be filled."""
    return _template(file).format_map(facts).strip()


def about_world(world: World) -> str:
    places = "; ".join(f"{each['name']} ({each['description']})" for each in world.notable_locations)
    groups = "; ".join(f"{each['name']} ({each['description']})" for each in world.social_groups)
    return filled("world", places=places, groups=groups, **vars(world))


def about_character(character: Character) -> str:
    return filled("character", **{**vars(character), "interests": ", ".join(character.interests)})


@lru_cache
def _template(file: str) -> str:
    return (FOLDER / f"{file}.txt").read_text(encoding="utf-8")
