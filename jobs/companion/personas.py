"""Personas: a folder each, with persona.toml, workflow.json and a greeting picture. Read once, at start, as a whole."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jobs.companion import greeting_picture
from jobs.errors import InvalidInput, Misconfigured
from jobs.safety.ratings import Rating, is_within
from jobs.settings import PersonaSettings
from jobs.workflow import load, require_points

SHIPPED = Path(__file__).parent / "personas"
ADULT = 21
FIRST_MET = "lina"
# what the folder itself says, so that persona.toml must not
SAID_BY_FOLDER = {"key": "the folder's name", "graph": "workflow.json", "greeting_picture": "greeting.jpg"}

Graph = dict[str, Any]
Found = TypeVar("Found")


class Bilingual(BaseModel):
    en: str = Field(min_length=1)
    ru: str = Field(min_length=1)

    def __getitem__(self, locale: str) -> str:
        return self.ru if locale == "ru" else self.en


class Persona(BaseModel):
    """`workflow` names the places in workflow.json that take a value: [node id, input name].

    `greeting_picture` is a JPEG, PNG or WebP file that Telegram takes as a photo, whatever its name ends in.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    age: int = Field(ge=ADULT)
    rating: Rating = "general"
    name: Bilingual
    character: Bilingual
    greeting: Bilingual
    system_prompt: str = Field(min_length=1)
    image_style: str = ""
    negative_prompt: str = ""
    workflow: dict[str, tuple[str, str]]
    graph: Graph
    greeting_picture: Path | None = None


@dataclass(frozen=True)
class Reading:
    """What a persona's folder gave: the persona, or (then it is None) everything that is wrong, in sentences."""

    key: str
    folder: Path
    persona: Persona | None
    problems: tuple[str, ...] = ()


class Personas:
    """The shipped personas, and the operator's own, which replace those of the same name."""

    def __init__(self, settings: PersonaSettings) -> None:
        self.settings = settings

    @cached_property
    def all(self) -> Mapping[str, Persona]:
        """By key, in alphabetical order. Raises Misconfigured naming the folder that is not right.

        What CONTENT_RATING does not allow is not among them.
        """
        return {key: persona for key, persona in self._whole.items() if self._is_allowed(persona)}

    @cached_property
    def _whole(self) -> Mapping[str, Persona]:
        return {reading.key: _whole(reading) for reading in self.readings()}

    def _is_allowed(self, persona: Persona) -> bool:
        return is_within(persona.rating, self.settings.content_rating)

    def readings(self) -> list[Reading]:
        """All folders by key, right or not. Raises Misconfigured when PERSONAS_DIR itself is wrong."""
        folders = [SHIPPED]
        if self.settings.personas_dir:
            folders.append(Path(self.settings.personas_dir).expanduser())
        found = {folder.name.lower(): folder for root in folders for folder in _persona_folders(root)}
        return [_read(found[key]) for key in sorted(found)]

    def checked(self) -> "Personas":
        """Read now: a persona that is not right is said when a process starts. Raises Misconfigured."""
        if not self.all:
            raise Misconfigured(f"CONTENT_RATING={self.settings.content_rating} allows none of the personas.")
        return self

    @property
    def default(self) -> Persona:
        """Who answers a person that has not chosen; the first one where the operator has no such persona."""
        return self.all.get(FIRST_MET) or next(iter(self.all.values()))

    def find(self, key: str) -> Persona:
        persona = self.all.get(key.lower())
        if persona is None and key.lower() in self._whole:
            rated, most = self._whole[key.lower()].rating, self.settings.content_rating
            detail = f"The persona {key} is rated {rated}, and at most {most} is allowed here."
            raise InvalidInput(detail, code="persona_not_allowed")
        if persona is None:
            raise InvalidInput(f"There is no persona {key!r}. Personas: {', '.join(self.all)}.", code="unknown_persona")
        return persona

    def negative_prompt(self, persona: Persona) -> str:
        return persona.negative_prompt or self.settings.image_default_negative_prompt


def _persona_folders(root: Path) -> list[Path]:
    if not root.is_dir():
        raise Misconfigured(f"PERSONAS_DIR {root} is not a folder.")
    return [folder for folder in root.iterdir() if (folder / "persona.toml").exists()]


def _whole(reading: Reading) -> Persona:
    if reading.persona is None:
        raise Misconfigured(f"The persona {reading.folder.name} is not valid: {' '.join(reading.problems)}")
    return reading.persona


def _read(folder: Path) -> Reading:
    """Every file is looked at, also after one that is wrong: an operator wants to hear it all at once."""
    problems: list[str] = []
    description = _noting(problems, _description, folder / "persona.toml")
    graph = _noting(problems, load, folder / "workflow.json")
    picture = _noting(problems, greeting_picture.find, folder)
    persona = None
    if description is not None:
        problems += _said_twice(description)
        problems += _lost_points(graph, description.get("workflow"))
        said = {name: value for name, value in description.items() if name not in SAID_BY_FOLDER}
        folder_says = {"key": folder.name.lower(), "graph": graph or {}, "greeting_picture": picture}
        persona = _noting(problems, _persona, {**said, **folder_says})
    return Reading(folder.name.lower(), folder, None if problems else persona, tuple(problems))


def _noting(problems: list[str], read: Callable[[Any], Found], source: Any) -> Found | None:
    try:
        return read(source)
    except Misconfigured as error:
        problems.append(error.detail)
    except ValidationError as error:
        problems += [f"{'.'.join(map(str, each['loc']))}: {each['msg']}." for each in error.errors()]
    return None


def _description(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path.name} cannot be read: {error}.") from None


def _persona(values: dict[str, Any]) -> Persona:
    return Persona(**values)


def _said_twice(description: Mapping[str, Any]) -> Iterator[str]:
    for name, source in SAID_BY_FOLDER.items():
        if name in description:
            yield f"{name}: take it out of persona.toml, {source} says it."


def _lost_points(graph: Graph | None, points: Any) -> Iterator[str]:
    """A point of another shape than [node id, input name] is the model's to refuse."""
    if graph is None or not isinstance(points, dict):
        return
    for name, point in points.items():
        if isinstance(point, list) and [type(part) for part in point] == [str, str]:
            try:
                require_points(graph, {name: point})
            except Misconfigured as error:
                yield error.detail
