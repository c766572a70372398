"""/v1/personas: who can answer, and how each one looks."""

import shutil
from pathlib import Path

import pytest

from jobs.companion.personas import SHIPPED, Personas
from jobs.settings import PersonaSettings
from tests.api.opened_api import Api


async def test_all_personas(api: Api) -> None:
    answer = await api.anna.get("/v1/personas")
    assert answer.status_code == 200
    personas = {each["key"]: each for each in answer.json()["personas"]}
    assert list(personas) == sorted(folder.name for folder in SHIPPED.iterdir() if folder.is_dir())
    ash = personas["ash"]
    assert (ash["name"], ash["age"], ash["rating"]) == ({"en": "Ash", "ru": "Эш"}, 29, "general")
    assert ash["greeting"]["ru"]
    assert "system_prompt" not in ash, "how a persona is made is nobody's business"


async def test_the_picture_of_each_persona(api: Api) -> None:
    for persona in (await api.anna.get("/v1/personas")).json()["personas"]:
        answer = await api.anna.get(persona["greeting_picture"])
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.content.startswith(b"\xff\xd8\xff")
        assert len(answer.content) == int(answer.headers["content-length"])


async def test_a_picture_is_what_it_is_and_not_what_its_name_says(api: Api, tmp_path: Path) -> None:
    shutil.copytree(SHIPPED / "ash", tmp_path / "own", ignore=shutil.ignore_patterns("greeting.*"))
    (tmp_path / "own" / "greeting.jpg").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))
    shutil.copytree(SHIPPED / "ash", tmp_path / "faceless", ignore=shutil.ignore_patterns("greeting.*"))
    api.app.state.personas = Personas(PersonaSettings(personas_dir=str(tmp_path), _env_file=None))
    assert (await api.anna.get("/v1/personas/own/greeting")).headers["content-type"] == "image/png"
    shown = {each["key"]: each for each in (await api.anna.get("/v1/personas")).json()["personas"]}
    assert shown["faceless"]["greeting_picture"] is None
    assert (await api.anna.get("/v1/personas/faceless/greeting")).status_code == 404


@pytest.mark.parametrize("key", ["nobody", "%00", "..%2f..%2fetc", "ash%20"])
async def test_a_persona_that_does_not_exist(api: Api, key: str) -> None:
    assert (await api.anna.get(f"/v1/personas/{key}/greeting")).status_code == 404


async def test_a_key_is_needed(api: Api) -> None:
    for path in ("/v1/personas", "/v1/personas/ash/greeting"):
        assert (await api.nobody.get(path)).status_code == 401
