"""Personas, shipped and of the operator's own, and what is said of a broken one."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.companion.personas import ADULT, SHIPPED, Personas
from jobs.errors import InvalidInput, Misconfigured
from jobs.settings import PersonaSettings

LINA = SHIPPED / "lina"
NAMES = sorted(folder.name for folder in SHIPPED.iterdir() if folder.is_dir())


def personas(folder: Path | None = None, **more: Any) -> Personas:
    return Personas(PersonaSettings(personas_dir=str(folder) if folder else None, _env_file=None, **more))


def write(root: Path, name: str, *, toml: str | None = None, workflow: str | None = None, **changes: str) -> Path:
    """A copy of Lina with lines of persona.toml replaced, or with other files."""
    folder = root / name
    folder.mkdir(parents=True)
    text = toml if toml is not None else (LINA / "persona.toml").read_text(encoding="utf-8")
    for key, value in changes.items():
        line = next(each for each in text.splitlines() if each.startswith(f"{key} ="))
        text = text.replace(line, f"{key} = {value}", 1)
    (folder / "persona.toml").write_text(text, encoding="utf-8")
    graph = workflow if workflow is not None else (LINA / "workflow.json").read_text(encoding="utf-8")
    (folder / "workflow.json").write_text(graph, encoding="utf-8")
    return root


def problem(folder: Path) -> str:
    with pytest.raises(Misconfigured) as raised:
        _ = personas(folder).all
    return raised.value.detail


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_persona_is_whole(name: str) -> None:
    persona = personas().find(name)
    assert persona.key == name
    assert persona.age >= ADULT
    assert persona.rating == "general"
    assert str(persona.age) in persona.system_prompt, "the model is told that it plays an adult"
    assert str(persona.age) in persona.image_style
    assert {persona.name["en"], persona.name["ru"], persona.name["de"]} == {persona.name.en, persona.name.ru}
    assert {"prompt", "negative", "seed", "width", "height", "filename_prefix"} <= set(persona.workflow)
    assert persona.greeting.en
    assert persona.greeting.ru
    for node, field in persona.workflow.values():
        assert field in persona.graph[node]["inputs"]


def test_there_are_some_and_the_first_one_is_known() -> None:
    assert len(NAMES) >= 2
    assert personas().default.key == "lina"
    assert list(personas().all) == NAMES


def test_a_name_in_any_case() -> None:
    assert personas().find("LINA") is not personas().find("may")
    assert personas().find("Lina").key == "lina"


@pytest.mark.parametrize("name", ["nobody", "", "../lina", "lina/", "texts"])
def test_a_name_that_does_not_exist(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"There is no persona .* Personas: .*lina.*may") as raised:
        personas().find(name)
    assert raised.value.code == "unknown_persona"


def test_the_operators_own_are_added_and_replace(tmp_path: Path) -> None:
    write(tmp_path, "nova")
    write(tmp_path, "lina", age="33")
    found = personas(tmp_path)
    assert sorted(found.all) == sorted([*NAMES, "nova"])
    assert found.find("lina").age == 33
    assert found.find("nova").key == "nova"


def test_a_folder_with_capitals_is_found_and_replaces_too(tmp_path: Path) -> None:
    write(tmp_path, "Lina", age="33")
    write(tmp_path, "Nova")
    found = personas(tmp_path)
    assert found.find("nova").key == "nova"
    assert found.find("Nova").key == "nova"
    assert found.find("lina").age == 33


def test_other_folders_and_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "README.md").write_text("Mine.")
    assert list(personas(tmp_path).all) == NAMES


@pytest.mark.parametrize("age", ["20", "17", "0", "-5", '"old"'])
def test_nobody_is_younger_than_21(tmp_path: Path, age: str) -> None:
    assert "nova" in problem(write(tmp_path, "nova", age=age))
    assert "age" in problem(tmp_path)


def test_no_age_is_no_persona(tmp_path: Path) -> None:
    text = (LINA / "persona.toml").read_text(encoding="utf-8").replace("age = 24\n", "")
    assert "age" in problem(write(tmp_path, "nova", toml=text))


def test_an_unknown_word_is_a_slip(tmp_path: Path) -> None:
    text = 'greting = "Hi"\n' + (LINA / "persona.toml").read_text(encoding="utf-8")
    said = problem(write(tmp_path, "nova", toml=text))
    assert "nova" in said
    assert "greting" in said


@pytest.mark.parametrize("word", ['key = "x"', "graph = {}"])
def test_a_word_that_the_files_name_already_is_a_slip_too(tmp_path: Path, word: str) -> None:
    text = f"{word}\n" + (LINA / "persona.toml").read_text(encoding="utf-8")
    assert "nova" in problem(write(tmp_path, "nova", toml=text))


@pytest.mark.parametrize("toml", ["age = [", "age = 24", "", "\x00"])
def test_a_description_that_cannot_be_read(tmp_path: Path, toml: str) -> None:
    assert "nova" in problem(write(tmp_path, "nova", toml=toml))


def test_a_description_in_another_encoding(tmp_path: Path) -> None:
    write(tmp_path, "nova")
    text = (LINA / "persona.toml").read_text(encoding="utf-8")
    (tmp_path / "nova" / "persona.toml").write_bytes(text.encode("cp1251", "replace"))
    assert "nova" in problem(tmp_path)


@pytest.mark.parametrize("workflow", ["{", "[]", "{}", "null", '{"nodes": []}', '{"3": {}}'])
def test_a_workflow_that_is_none(tmp_path: Path, workflow: str) -> None:
    assert "nova" in problem(write(tmp_path, "nova", workflow=workflow))


def test_a_workflow_that_is_missing(tmp_path: Path) -> None:
    write(tmp_path, "nova")
    (tmp_path / "nova" / "workflow.json").unlink()
    said = problem(tmp_path)
    assert "nova" in said
    assert "workflow.json" in said


@pytest.mark.parametrize("removed", ["27", "3"])
def test_a_place_that_the_workflow_does_not_have(tmp_path: Path, removed: str) -> None:
    graph = json.loads((LINA / "workflow.json").read_text(encoding="utf-8"))
    del graph[removed]
    said = problem(write(tmp_path, "nova", workflow=json.dumps(graph)))
    assert "nova" in said
    assert removed in said


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    assert "PERSONAS_DIR" in problem(tmp_path / "nowhere")


def test_the_negative_prompt_of_the_house_where_a_persona_has_none(tmp_path: Path) -> None:
    write(tmp_path, "nova", negative_prompt='""')
    found = personas(tmp_path, image_default_negative_prompt="grey fog")
    assert found.negative_prompt(found.find("nova")) == "grey fog"
    assert found.negative_prompt(found.find("lina")) == found.find("lina").negative_prompt
