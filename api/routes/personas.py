"""Personas: the characters that can answer and be drawn, and the picture with which each one greets."""

from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import FileResponse

from api.authentication import JobsCaller
from jobs.companion.personas import Persona, Personas
from jobs.errors import NotFound
from jobs.media import content_type_of

router = APIRouter(prefix="/v1/personas", tags=["personas"])

# enough to know a picture by how it begins
SIGNATURE = 12
EXAMPLE: dict[str, Any] = {
    "key": "ash",
    "name": {"en": "Ash", "ru": "Эш"},
    "character": {"en": "a lighthouse keeper on a northern island", "ru": "смотритель маяка на северном острове"},
    "greeting": {"en": "Good that you called. How was your day?", "ru": "Хорошо, что ты на связи. Как прошёл день?"},
    "age": 29,
    "rating": "general",
    "greeting_picture": "/v1/personas/ash/greeting",
}


class Bilingual(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    en: str
    ru: str


class PersonaOut(BaseModel):
    """`key` is what a job's `persona` names."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [EXAMPLE]})

    key: str
    name: Bilingual
    character: Bilingual
    greeting: Bilingual
    age: int
    rating: Literal["general", "suggestive", "adult"]
    greeting_picture: str | None = Field(description="Where its picture is, if it has one")


class PersonaList(BaseModel):
    personas: list[PersonaOut]


@router.get("", summary="All personas")
async def listed(request: Request, caller: JobsCaller) -> PersonaList:
    """By key, in alphabetical order: those whose `rating` is at most what this installation allows."""
    del caller
    known: Personas = request.app.state.personas
    return PersonaList(personas=[_shown(each, request.app.state.public_url) for each in known.all.values()])


@router.get(
    "/{key}/greeting",
    response_class=FileResponse,
    responses={200: {"description": "A JPEG, PNG or WebP picture", "content": {"image/*": {}}}},
    summary="The picture with which a persona greets",
)
def greeting(
    request: Request, caller: JobsCaller, key: Annotated[str, InPath(examples=["ash"], max_length=100)]
) -> FileResponse:
    del caller
    known: Personas = request.app.state.personas
    persona = known.all.get(key.lower())
    if persona is None or persona.greeting_picture is None or not persona.greeting_picture.is_file():
        raise NotFound(f"There is no persona {key!r} with a greeting picture. `GET /v1/personas` lists them.")
    headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return FileResponse(persona.greeting_picture, headers=headers, media_type=_content_type(persona.greeting_picture))


def _shown(persona: Persona, public_url: str) -> PersonaOut:
    picture = f"{public_url}/v1/personas/{persona.key}/greeting" if persona.greeting_picture else None
    return PersonaOut(
        key=persona.key,
        name=Bilingual.model_validate(persona.name),
        character=Bilingual.model_validate(persona.character),
        greeting=Bilingual.model_validate(persona.greeting),
        age=persona.age,
        rating=persona.rating,
        greeting_picture=picture,
    )


def _content_type(picture: Path) -> str:
    """By what it is: the name of an operator's file may say something else."""
    with picture.open("rb") as file:
        return content_type_of(file.read(SIGNATURE))
