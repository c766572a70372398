"""`postgen personas check`: a line for each persona, and one for each thing that a lane's ComfyUI lacks."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from jobs.commands import personas
from jobs.companion.personas import SHIPPED
from sandbox.bot_api.server import running_sandbox
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import MODEL_FILES, ComfySettings
from tests.jobs.companion.test_personas import write

NAMES = sorted(folder.name for folder in SHIPPED.iterdir() if (folder / "persona.toml").exists())
Graph = dict[str, Any]
Check = Callable[..., Awaitable[list[str]]]


@pytest.fixture
def check(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Check:  # fmt: skip
    """The lines that the command prints with these lanes; the own personas are those in tmp_path."""
    monkeypatch.chdir(tmp_path_factory.mktemp("no-dotenv"))
    monkeypatch.setenv("PERSONAS_DIR", str(tmp_path))

    async def lines(*hosts: str, ask: bool = True) -> list[str]:
        monkeypatch.setenv("COMFYUI_HOSTS", ",".join(hosts))
        capsys.readouterr()
        well = await personas.check(hosts=ask)
        found = capsys.readouterr().out.splitlines()
        assert well is not any(line.startswith("FAIL") for line in found), found
        return found

    return lines


def graph() -> Graph:
    loaded: Graph = json.loads((SHIPPED / "lina" / "workflow.json").read_text(encoding="utf-8"))
    return loaded


def failures(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("FAIL")]


async def only_failure(check: Check, workflow: Graph, folder: Path, models: Any = None) -> str:
    write(folder, "nova", workflow=json.dumps(workflow))
    settings = ComfySettings(models=models) if models else ComfySettings()
    async with ComfyServer(settings) as lane:
        [line] = failures(await check(lane.host))
    return line


async def test_all_is_well(check: Check) -> None:
    async with ComfyServer() as first, ComfyServer() as second:
        lines = await check(first.host, second.host)
    assert failures(lines) == []
    assert [line.split()[1] for line in lines] == [*NAMES, "gpu-0", "gpu-1"]
    assert all(name in lines[-1] for name in NAMES)


async def test_without_lanes_the_folders_are_checked_all_the_same(check: Check) -> None:
    lines = await check()
    assert [line.split()[1] for line in lines] == [*NAMES, "lanes"]
    assert "COMFYUI_HOSTS is not set" in lines[-1]


async def test_lanes_are_left_alone_where_they_shall_not_be_asked(check: Check) -> None:
    assert [line.split()[1] for line in await check("127.0.0.1:9", ask=False)] == NAMES


async def test_an_own_persona_without_a_picture_is_well(check: Check, tmp_path: Path) -> None:
    write(tmp_path, "nova")
    [line] = [line for line in await check() if " nova " in line]
    assert line.startswith("ok ")
    assert "without a greeting picture" in line


async def test_every_problem_of_every_persona(check: Check, tmp_path: Path) -> None:
    write(tmp_path, "nova", age="17", rating='"wild"')
    write(tmp_path, "vera", toml="age = [")
    found = failures(await check())
    assert [line.split()[1] for line in found] == ["nova", "nova", "vera"]
    assert "age: " in found[0]
    assert "rating: " in found[1]
    assert str(tmp_path / "nova") in found[0]


async def test_a_workflow_of_the_editor(check: Check, tmp_path: Path) -> None:
    write(tmp_path, "nova", workflow=json.dumps({"nodes": [{"id": 1}], "links": [], "version": 0.4}))
    async with ComfyServer() as lane:
        [line] = failures(await check(lane.host))
    assert line.split()[1] == "nova"
    assert "Workflow > Export (API)" in line


async def test_own_personas_in_no_folder(check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSONAS_DIR", str(tmp_path / "nowhere"))
    lines = await check()
    assert ["PERSONAS_DIR" in line for line in failures(lines)] == [True]
    assert set(NAMES) <= {line.split()[1] for line in lines}, "the shipped ones are checked all the same"


@pytest.mark.parametrize(
    ("folder", "node", "file"),
    [("diffusion_models", "node 28 (UNETLoader)", "z_image_turbo_fp8_e4m3fn.safetensors"),
     ("text_encoders", "node 30 (CLIPLoader)", "qwen_3_4b_fp8_mixed.safetensors"),
     ("vae", "node 29 (VAELoader)", "ae.safetensors")],
)  # fmt: skip
async def test_a_model_file_that_the_server_lacks(check: Check, folder: str, node: str, file: str) -> None:
    async with ComfyServer(ComfySettings(models={**MODEL_FILES, folder: ()})) as lane:
        [line] = failures(await check(lane.host))
    assert all(name in line for name in NAMES), "what all of them lack is said once"
    assert node in line
    assert f"put {file} into ComfyUI's folder models/{folder}" in line


async def test_one_persona_lacks_a_lora_and_the_others_draw(check: Check, tmp_path: Path) -> None:
    workflow = graph()
    workflow["50"] = {
        "class_type": "LoraLoaderModelOnly",
        "inputs": {"model": ["28", 0], "lora_name": "nova/face.safetensors", "strength_model": 1.0},
    }
    write(tmp_path, "nova", workflow=json.dumps(workflow))
    async with ComfyServer() as lane:
        lines = await check(lane.host)
    [line] = failures(lines)
    assert "nova: node 50 (LoraLoaderModelOnly)" in line
    assert "put face.safetensors into ComfyUI's folder models/loras/nova" in line
    assert "nova" not in lines[-1]
    assert "lina" in lines[-1]


async def test_a_file_that_the_server_keeps_in_another_folder(check: Check, tmp_path: Path) -> None:
    workflow = graph()
    workflow["29"]["inputs"]["vae_name"] = "flux/ae.safetensors"
    line = await only_failure(check, workflow, tmp_path)
    assert "it has 'ae.safetensors': write that into the workflow" in line


async def test_a_node_class_that_the_server_lacks(check: Check, tmp_path: Path) -> None:
    workflow = graph()
    workflow["11"]["class_type"] = "FancySampling"
    line = await only_failure(check, workflow, tmp_path)
    assert "nova: node 11: there is no node class FancySampling" in line
    assert "install the custom nodes" in line


async def test_an_input_that_the_node_lacks_and_one_that_it_requires(check: Check, tmp_path: Path) -> None:
    workflow = graph()
    workflow["11"]["inputs"]["shft"] = workflow["11"]["inputs"].pop("shift")
    write(tmp_path, "nova", workflow=json.dumps(workflow))
    async with ComfyServer() as lane:
        found = failures(await check(lane.host))
    assert len(found) == 2
    assert "node 11 (ModelSamplingAuraFlow): the input shift is missing" in found[0]
    assert "node 11 (ModelSamplingAuraFlow): this ComfyUI's node has no input shft" in found[1]


async def test_a_choice_that_is_not_offered(check: Check, tmp_path: Path) -> None:
    workflow = graph()
    workflow["3"]["inputs"]["scheduler"] = "fancy"
    line = await only_failure(check, workflow, tmp_path)
    assert "node 3 (KSampler): scheduler is 'fancy', which this ComfyUI does not offer - choose one of: simple" in line


async def test_a_picture_that_goes_nowhere(check: Check, tmp_path: Path) -> None:
    workflow = graph()
    workflow["9"]["class_type"] = "ImageInvert"
    workflow["9"]["inputs"] = {"image": ["8", 0], "filename_prefix": "x"}
    write(tmp_path, "nova", workflow=json.dumps(workflow))
    async with ComfyServer() as lane:
        assert "no node of the workflow puts a picture out" in failures(await check(lane.host))[-1]


async def test_two_problems_at_once_are_both_said(check: Check, tmp_path: Path) -> None:
    workflow = graph()
    workflow["28"]["inputs"]["unet_name"] = "mine.safetensors"
    workflow["8"]["class_type"] = "FancyDecode"
    write(tmp_path, "nova", workflow=json.dumps(workflow))
    write(tmp_path, "vera", age="3")
    async with ComfyServer() as lane:
        found = failures(await check(lane.host))
    assert len(found) == 3
    assert found[0].split()[1] == "vera"
    assert "put mine.safetensors into ComfyUI's folder models/diffusion_models" in found[1]
    assert "FancyDecode" in found[2]


async def test_what_the_check_lets_pass_the_server_draws(check: Check, tmp_path: Path) -> None:
    """And what it refuses, the server refuses: both read the same description."""
    workflow = graph()
    workflow["28"]["inputs"]["unet_name"] = "mine.safetensors"
    write(tmp_path, "nova", workflow=json.dumps(workflow))
    async with ComfyServer() as lane, httpx.AsyncClient(trust_env=False) as client:
        assert len(failures(await check(lane.host))) == 1
        refused = await client.post(f"{lane.url}/prompt", json={"prompt": workflow})
        accepted = await client.post(f"{lane.url}/prompt", json={"prompt": graph()})
    assert refused.status_code == 400
    assert accepted.status_code == 200


async def test_a_host_that_does_not_answer_hides_no_other(check: Check) -> None:
    async with ComfyServer() as lane:
        lines = await check("127.0.0.1:9", lane.host, "http://[::1")
    assert [line.split()[1] for line in failures(lines)] == ["gpu-0", "gpu-2"]
    assert "ComfyUI does not answer" in failures(lines)[0]
    assert all("correct COMFYUI_HOSTS" in line for line in failures(lines))
    assert any(line.startswith("ok   gpu-1") for line in lines)


async def test_a_host_that_is_something_else(check: Check) -> None:
    async with running_sandbox("1000:test-token") as telegram:
        [line] = failures(await check(telegram.url))
    assert line.split()[1] == "gpu-0"
    assert "COMFYUI_HOSTS" in line


async def test_a_picture_of_which_only_the_beginning_is_there(check: Check, tmp_path: Path) -> None:
    write(tmp_path, "nova")
    whole = (SHIPPED / "lina" / "greeting.jpg").read_bytes()
    (tmp_path / "nova" / "greeting.jpg").write_bytes(whole[:2000])
    [line] = failures(await check())
    assert "nova" in line
    assert "greeting.jpg cannot be opened" in line


@pytest.mark.parametrize(("size", "words"), [((9000, 1001), "too large"), ((2100, 100), "too narrow")])
async def test_a_picture_that_telegram_refuses(check: Check, tmp_path: Path, size: tuple[int, int], words: str) -> None:
    write(tmp_path, "nova")
    Image.new("L", size).save(tmp_path / "nova" / "greeting.png")
    [line] = failures(await check())
    assert words in line


async def test_a_persona_with_which_nothing_would_ever_be_made(check: Check, tmp_path: Path) -> None:
    write(tmp_path, "nova", image_style='"nude, a schoolgirl"')
    [line] = failures(await check())
    assert "break the built-in content rules" in line
