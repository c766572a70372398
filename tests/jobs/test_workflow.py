"""Workflows and their patch points: what is put where, and what is refused in which words."""

import copy
import json
from pathlib import Path

import pytest

from jobs.errors import Misconfigured
from jobs.providers.comfyui.links import sources_of
from jobs.workflow import filename_prefix, load, patch
from sandbox.comfyui.graphs import z_image

POINTS = {
    "prompt": ["27", "text"],
    "seed": ["3", "seed"],
    "width": ["13", "width"],
    "height": ["13", "height"],
    "filename_prefix": ["9", "filename_prefix"],
}


def test_patching_changes_a_copy() -> None:
    workflow = z_image("before", seed=1)
    untouched = copy.deepcopy(workflow)
    patched = patch(workflow, POINTS, {"prompt": "after", "seed": 0, "width": None, "filename_prefix": "jobs/1/img"})
    assert workflow == untouched
    assert patched["27"]["inputs"]["text"] == "after"
    assert patched["3"]["inputs"]["seed"] == 0
    assert patched["13"]["inputs"] == untouched["13"]["inputs"]
    assert patched["9"]["inputs"]["filename_prefix"] == "jobs/1/img"
    patched["28"]["inputs"]["unet_name"] = "changed"
    assert workflow == untouched


@pytest.mark.parametrize(
    ("point", "words"),
    [
        (["99", "text"], "prompt names node 99, which the workflow does not have"),
        (["27", "txt"], "prompt names input txt of node 27, which has only: text, clip"),
        (["27"], "prompt must read"),
    ],
)
def test_a_patch_point_that_leads_nowhere(point: list[str], words: str) -> None:
    with pytest.raises(Misconfigured, match="patch point") as raised:
        patch(z_image("x"), {**POINTS, "prompt": point}, {"seed": 1})
    assert words in raised.value.detail


def test_a_value_without_a_place() -> None:
    with pytest.raises(Misconfigured, match="no patch point negative"):
        patch(z_image("x"), POINTS, {"negative": "blurry"})
    assert patch(z_image("x"), POINTS, {"negative": None}) == z_image("x")


def test_ids_with_colons() -> None:
    """Subgraphs are exported so."""
    workflow = {"57:3": z_image("x")["3"]}
    assert patch(workflow, {"seed": ["57:3", "seed"]}, {"seed": 7})["57:3"]["inputs"]["seed"] == 7


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (json.dumps({"nodes": [{"id": 1}], "links": [], "version": 0.4}), "Workflow > Export (API)"),
        (json.dumps({"1": {"inputs": {}}}), "Node 1 of the workflow has no class_type"),
        ("[]", "JSON object of nodes"),
        ("{", "cannot be read"),
    ],
)
def test_a_file_that_is_no_workflow(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "workflow.json"
    path.write_text(content)
    with pytest.raises(Misconfigured) as raised:
        load(path)
    assert words in raised.value.detail


def test_loading(tmp_path: Path) -> None:
    path = tmp_path / "workflow.json"
    path.write_text(json.dumps(z_image("x")))
    assert load(path) == z_image("x")
    with pytest.raises(Misconfigured, match="cannot be read"):
        load(tmp_path / "none.json")


def test_prefixes_stay_inside_the_output_folder() -> None:
    assert filename_prefix("01890a5d-ac96-774b-bcce-b302099a8057") == "jobs/01890a5d-ac96-774b-bcce-b302099a8057/img"
    assert filename_prefix("../../etc/%date%") == "jobs/______etc__date_/img"


def test_sources() -> None:
    assert sources_of(z_image("x"), {"9"}) == set(z_image("x")) - {"9"}
    assert sources_of(z_image("x"), {"27"}) == {"30"}
