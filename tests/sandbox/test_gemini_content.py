"""The stand-in for Gemini that writes by a form: valid, varied, and the same again for the same request."""

import json
import re
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from jobs.providers.schema import gemini_schema
from jobs.worlds.forms import (
    CharacterDetail,
    CharacterOutline,
    PostDetailWithImage,
    PostOutline,
    WorldDescription,
    as_many,
)
from sandbox.gemini_content import Content

CYRILLIC = re.compile("[а-я]")


class Fox(BaseModel):
    kind: Literal["red", "grey"]
    legs: int = Field(ge=4, le=4)
    friend: "Fox | None" = None
    dens: list[float] = Field(min_length=3)


def asked(form: type[BaseModel], request: str = "A world of rain", content: Content | None = None) -> str:
    body: dict[str, Any] = {"messages": [{"role": "user", "content": request}], "schema": gemini_schema(form)}
    return (content or Content())(body)


@pytest.mark.parametrize("form", [WorldDescription, CharacterDetail, PostDetailWithImage, Fox])
def test_an_answer_is_valid_by_its_form(form: type[BaseModel]) -> None:
    answers = {asked(form, f"request {number}") for number in range(20)}
    assert len(answers) > 10, "varied"
    for answer in answers:
        form.model_validate_json(answer)  # raises where it is not
    assert asked(form) == asked(form)
    assert answers.isdisjoint(asked(form, f"request {number}", Content(seed=1)) for number in range(3))


def test_as_many_as_the_form_says_unless_told_otherwise() -> None:
    for outline in (CharacterOutline, PostOutline):
        wanted = as_many(outline, 9)
        assert len(wanted.model_validate_json(asked(wanted)).items) == 9
        assert len(wanted.model_validate_json(asked(wanted, content=Content(fewer=3))).items) == 6
    repeated = json.loads(asked(as_many(CharacterOutline, 9), content=Content(repeats=1)))
    assert {each["username"] for each in repeated["items"]} == {"the_same_again"}


def test_who_asks_in_russian_is_answered_so_and_pictures_are_described_in_english() -> None:
    world = json.loads(asked(WorldDescription, "Мир с драконами"))
    assert world["language"] == "Russian"
    assert CYRILLIC.search(world["history"])
    assert not CYRILLIC.search(world["background_prompt"] + world["image_style"])
    assert Content()({"messages": [{"role": "user", "content": "Hi!"}]}) == "Hi!"
