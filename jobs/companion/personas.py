"""Personas: a folder each, with persona.toml and workflow.json. Read once, at start, and checked as a whole."""

import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jobs.errors import InvalidInput, Misconfigured
from jobs.settings import PersonaSettings
from jobs.workflow import load, require_points

SHIPPED = Path(__file__).parent / "personas"
ADULT = 21
FIRST_MET = "lina"

Graph = dict[str, Any]


class Bilingual(BaseModel):
    en: str = Field(min_length=1)
    ru: str = Field(min_length=1)

    def __getitem__(self, locale: str) -> str:
        return self.ru if locale == "ru" else self.en


class Persona(BaseModel):
    """`workflow` names the places in workflow.json that take a value: [node id, input name]."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    age: int = Field(ge=ADULT)
    rating: Literal["general", "suggestive", "adult"] = "general"
    name: Bilingual
    character: Bilingual
    greeting: Bilingual
    system_prompt: str = Field(min_length=1)
    image_style: str = ""
    negative_prompt: str = ""
    workflow: dict[str, tuple[str, str]]
    graph: Graph


class Personas:
    """The shipped personas, and the operator's own, which replace those of the same name."""

    def __init__(self, settings: PersonaSettings) -> None:
        self.settings = settings

    @cached_property
    def all(self) -> Mapping[str, Persona]:
        """By key, in alphabetical order. Raises Misconfigured naming the folder that is not right."""
        folders = [SHIPPED]
        if self.settings.personas_dir:
            folders.append(Path(self.settings.personas_dir).expanduser())
        found = {folder.name.lower(): folder for root in folders for folder in _persona_folders(root)}
        return {key: _read(found[key]) for key in sorted(found)}

    def checked(self) -> "Personas":
        """Read now: a persona that is not right is said when a process starts. Raises Misconfigured."""
        assert self.all, "some are shipped"
        return self

    @property
    def default(self) -> Persona:
        """Who answers a person that has not chosen; the first one where the operator has no such persona."""
        return self.all.get(FIRST_MET) or next(iter(self.all.values()))

    def find(self, key: str) -> Persona:
        persona = self.all.get(key.lower())
        if persona is None:
            raise InvalidInput(f"There is no persona {key!r}. Personas: {', '.join(self.all)}.", code="unknown_persona")
        return persona

    def negative_prompt(self, persona: Persona) -> str:
        return persona.negative_prompt or self.settings.image_default_negative_prompt


def _persona_folders(root: Path) -> list[Path]:
    if not root.is_dir():
        raise Misconfigured(f"PERSONAS_DIR {root} is not a folder.")
    return [folder for folder in root.iterdir() if (folder / "persona.toml").exists()]


def _read(folder: Path) -> Persona:
    try:
        description = tomllib.loads((folder / "persona.toml").read_text(encoding="utf-8"))
        persona = Persona(key=folder.name.lower(), graph=load(folder / "workflow.json"), **description)
        require_points(persona.graph, persona.workflow)
        return persona
    except Misconfigured as error:
        raise Misconfigured(f"The persona {folder.name} is not valid: {error.detail}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError) as error:
        raise Misconfigured(f"The persona {folder.name} cannot be read: {error}.") from None
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise Misconfigured(f"The persona {folder.name} is not valid: {problems}.") from None
