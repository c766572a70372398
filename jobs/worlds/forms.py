"""What a language model writes for a world, as the forms that its answers must have."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints, create_model

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Drawable = Annotated[
    Words, Field(description="For an image generator, in English: what is seen, from where, in what light. No names.")
]


class Location(BaseModel):
    name: Line
    description: Words


class SocialGroup(BaseModel):
    """A part of the world's society, and who there is in it."""

    name: Line
    description: Words
    roles: list[Line] = Field(min_length=1, max_length=12, description="Different things that people in it do.")


class WorldDescription(BaseModel):
    language: Line = Field(description="The language of the request, by its English name.")
    name: Line
    description: Words
    theme: Words
    technology_level: Words
    social_structure: Words
    culture: Words
    geography: Words
    visual_style: Words
    history: Words
    notable_locations: list[Location] = Field(min_length=1, max_length=12)
    social_groups: list[SocialGroup] = Field(min_length=2, max_length=8)
    image_style: Drawable
    background_prompt: Drawable
    icon_prompt: Drawable


class CharacterOutline(BaseModel):
    """One person, for the place in society that was asked for."""

    place: int = Field(description="The number of that place.")
    username: Line = Field(description="A short name in Latin letters, digits and underscores.")
    concept: Words = Field(description="Who it is and what drives them, in one or two sentences.")


class CharacterDetail(BaseModel):
    display_name: Line
    bio: Words
    appearance: Words
    personality: Words
    avatar_description: Drawable
    interests: list[Line] = Field(min_length=1, max_length=12)
    speaking_style: Words


class PostOutline(BaseModel):
    concept: Words = Field(description="What the post is about, and what happened before it.")
    has_image: bool


class PostDetail(BaseModel):
    content: Words
    hashtags: list[Line] = Field(max_length=12)
    mood: Line
    context: Words = Field(description="What led to the post.")


class PostDetailWithImage(PostDetail):
    image_prompt: Drawable


class Outlines(BaseModel):
    """What a model of `as_many` looks like to those who read it."""

    items: list[Any]


def as_many(outline: type[BaseModel], count: int) -> type[Outlines]:
    """A list of so many. A model is told the number, and what it gives less or more is no mistake of form."""
    told = Field(json_schema_extra={"minItems": count, "maxItems": count})
    return create_model(f"{outline.__name__}s", __base__=Outlines, items=(list[outline], told))  # type: ignore[valid-type] # a class is the parameter
