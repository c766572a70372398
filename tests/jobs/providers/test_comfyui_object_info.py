"""Workflows against descriptions of nodes as newer ComfyUIs and custom nodes give them, which the stand-in has not."""

from typing import Any

import pytest

from jobs.providers.comfyui.object_info import Mismatch, mismatches

SAVE = {"SaveImage": {"input": {"required": {"images": ["IMAGE", {}]}}, "output_node": True}}


def found(class_type: str, inputs: dict[str, Any], *, module: str = "nodes", **sections: Any) -> list[Mismatch]:
    """What is wrong with one node of this description that feeds a SaveImage."""
    workflow = {
        "1": {"class_type": class_type, "inputs": inputs},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}},
    }
    return list(mismatches(workflow, {**SAVE, class_type: {"input": sections, "python_module": module}}))


@pytest.mark.parametrize(
    "spec",
    [[["a.safetensors", "b.safetensors"]], [["a.safetensors"], {"tooltip": "x"}],
     ["COMBO", {"options": ["a.safetensors"], "multiselect": False}]],
)  # fmt: skip
def test_lists_in_both_shapes(spec: list[Any]) -> None:
    assert found("X", {"lora_name": "a.safetensors"}, required={"lora_name": spec}) == []
    [mismatch] = found("X", {"lora_name": "z.safetensors"}, required={"lora_name": spec})
    assert "put z.safetensors into ComfyUI's folder models/loras" in mismatch.advice


def test_a_list_that_is_fetched_later_or_has_many_values_is_not_judged() -> None:
    remote = ["COMBO", {"options": [], "remote": {"route": "/x"}}]
    assert found("X", {"voice": "anna"}, required={"voice": remote}) == []
    many = ["COMBO", {"options": ["a"], "multiselect": True}]
    assert found("X", {"parts": ["a", "b"]}, required={"parts": many}) == []


def test_inputs_that_grow_and_unfold() -> None:
    grows = {"images": ["COMFY_AUTOGROW_V3", {"template": {}}]}
    assert found("Batch", {"images.image0": ["1", 0], "images.image1": ["1", 0]}, required=grows) == []
    assert found("Batch", {}, required=grows) == []
    unfolds = {"format": ["COMFY_DYNAMICCOMBO_V3", {"options": [{"key": "png", "inputs": {}}]}]}
    assert found("Save", {"format": "png", "format.bit_depth": 8}, required=unfolds) == []
    [mismatch] = found("Save", {"format": "bmp"}, required=unfolds)
    assert mismatch.advice == "choose one of: png"


@pytest.mark.parametrize(
    ("class_type", "name", "folder"),
    [("CheckpointLoaderSimple", "ckpt_name", "checkpoints"), ("DualCLIPLoader", "clip_name2", "text_encoders"),
     ("CLIPVisionLoader", "clip_name", "clip_vision"), ("UpscaleModelLoader", "model_name", "upscale_models"),
     ("UnetLoaderGGUF", "unet_name", "diffusion_models"), ("ControlNetLoader", "control_net_name", "controlnet")],
)  # fmt: skip
def test_where_a_file_belongs(class_type: str, name: str, folder: str) -> None:
    [mismatch] = found(class_type, {name: "x.gguf"}, required={name: [[]]})
    assert mismatch.advice == f"put x.gguf into ComfyUI's folder models/{folder}"


def test_a_file_of_an_unknown_loader() -> None:
    [mismatch] = found("Mystery", {"weights": "x.onnx"}, required={"weights": [["y.onnx"]]})
    assert "'x.onnx', and this ComfyUI has no such file" in mismatch.words
    assert mismatch.advice == "put x.onnx into the folder in which this node looks for its files"


def test_a_file_in_a_folder_of_windows() -> None:
    [mismatch] = found("LoraLoader", {"lora_name": "style/a.sft"}, required={"lora_name": [["style\\a.sft"]]})
    assert mismatch.advice == "it has 'style\\\\a.sft': write that into the workflow"


def test_pictures_that_a_workflow_starts_from() -> None:
    spec = {"image": [["example.png"], {"image_upload": True}]}
    assert found("LoadImage", {"image": "example.png", "upload": "image"}, required=spec) == []
    assert found("LoadImage", {"image": "other/photo.png [temp]"}, required=spec) == []
    [mismatch] = found("LoadImage", {"image": "nova.png"}, required=spec)
    assert mismatch.advice == "put nova.png into ComfyUI's folder input"


def test_only_the_code_of_a_custom_node_knows_all_its_inputs() -> None:
    [ours] = found("X", {"lora_1": {"on": True}}, optional={})
    [theirs] = found("X", {"lora_1": {"on": True}}, optional={}, module="custom_nodes.rgthree-comfy")
    assert ours.sure
    assert not theirs.sure


def test_hidden_inputs_are_inputs() -> None:
    assert found("X", {"unique_id": "1"}, hidden={"unique_id": "UNIQUE_ID"}) == []


def test_a_source_that_is_not_there() -> None:
    [mismatch] = found("X", {"model": ["99", 0]}, required={"model": ["MODEL"]})
    assert "the input model comes from node 99, which the workflow does not have" in mismatch.words


def test_a_long_list_is_cut() -> None:
    [mismatch] = found("X", {"mode": "z"}, required={"mode": [[str(number) for number in range(100)]]})
    assert mismatch.advice.endswith("… (100 in all)")
