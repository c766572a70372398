"""A persona's folder with several things wrong: all of them are said, and none hides another."""

import json
from pathlib import Path

import pytest

from jobs.companion.personas import SHIPPED, Personas, Reading
from jobs.errors import Misconfigured
from jobs.settings import PersonaSettings
from tests.jobs.companion.test_personas import write


def reading(folder: Path, key: str = "nova") -> Reading:
    settings = PersonaSettings(personas_dir=str(folder), _env_file=None)
    return next(each for each in Personas(settings).readings() if each.key == key)


def test_a_whole_one_has_none(tmp_path: Path) -> None:
    found = reading(write(tmp_path, "nova"))
    assert found.problems == ()
    assert found.persona is not None
    assert found.folder == tmp_path / "nova"


def test_every_file_is_looked_at(tmp_path: Path) -> None:
    write(tmp_path, "nova", age="17", workflow=json.dumps({"nodes": [], "links": []}))
    (tmp_path / "nova" / "greeting.png").write_text("not a picture")
    found = reading(tmp_path)
    said = "\n".join(found.problems)
    assert found.persona is None
    assert "age: " in said
    assert "Workflow > Export (API)" in said
    assert "greeting.png is not a JPEG, PNG or WebP" in said
    assert len(found.problems) == 3


def test_every_patch_point_is_followed_although_the_age_is_wrong(tmp_path: Path) -> None:
    graph = json.loads((SHIPPED / "lina" / "workflow.json").read_text(encoding="utf-8"))
    del graph["27"], graph["9"]
    found = reading(write(tmp_path, "nova", age="20", workflow=json.dumps(graph)))
    assert any("prompt names node 27" in each for each in found.problems)
    assert any("filename_prefix names node 9" in each for each in found.problems)
    assert any(each.startswith("age: ") for each in found.problems)


@pytest.mark.parametrize("point", ['["27"]', '["27", "text", "more"]', "27", "[27, 0]"])
def test_a_patch_point_of_another_shape(tmp_path: Path, point: str) -> None:
    found = reading(write(tmp_path, "nova", prompt=point))
    assert found.persona is None
    assert all(each.startswith("workflow.prompt") for each in found.problems), found.problems


def test_a_workflow_table_that_is_none(tmp_path: Path) -> None:
    text = (SHIPPED / "lina" / "persona.toml").read_text(encoding="utf-8").partition("# where workflow")[0]
    found = reading(write(tmp_path, "nova", toml=f'workflow = "here"\n{text}'))
    assert [each.partition(":")[0] for each in found.problems] == ["workflow"]


@pytest.mark.parametrize("word", ['key = "x"', "graph = {}", 'greeting_picture = "/etc/passwd"'])
def test_what_the_folder_says_itself(tmp_path: Path, word: str) -> None:
    text = f"{word}\n" + (SHIPPED / "lina" / "persona.toml").read_text(encoding="utf-8")
    [said] = reading(write(tmp_path, "nova", toml=text)).problems
    assert "take it out of persona.toml" in said
    assert said.startswith(word.partition(" ")[0])


def test_a_start_says_all_of_the_first_broken_one(tmp_path: Path) -> None:
    write(tmp_path, "nova", age="17", rating='"wild"')
    with pytest.raises(Misconfigured) as raised:
        _ = Personas(PersonaSettings(personas_dir=str(tmp_path), _env_file=None)).all
    assert raised.value.detail.startswith("The persona nova is not valid: age: ")
    assert "rating: " in raised.value.detail
