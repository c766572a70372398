"""Would this ComfyUI run this workflow? Compares the nodes with what `/object_info` says: no network here."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Any

from jobs.providers.comfyui.links import is_link
from jobs.workflow import Workflow

Classes = Mapping[str, Any]

MODEL_FOLDERS = {
    "ckpt_name": "checkpoints",
    "unet_name": "diffusion_models",
    "clip_name": "text_encoders",
    "vae_name": "vae",
    "lora_name": "loras",
    "control_net_name": "controlnet",
    "style_model_name": "style_models",
    "gligen_name": "gligen",
    "hypernetwork_name": "hypernetworks",
}
FOLDERS_OF_CLASSES = {
    ("CLIPVisionLoader", "clip_name"): "models/clip_vision",
    ("UpscaleModelLoader", "model_name"): "models/upscale_models",
}
MODEL_FILE = re.compile(r"\.(safetensors|sft|ckpt|pt2?|pth|bin|gguf|onnx|pkl)$", re.IGNORECASE)
# "picture.png [output]": a file of another folder than the one that the list shows
ANNOTATED = re.compile(r" \[(input|output|temp)\]$")
# the button beside a list of pictures, which older editors export as an input
UPLOAD_BUTTONS = {"upload", "choose file to upload"}
MOST_CHOICES = 12
UPDATE = "update this ComfyUI, or open the workflow in it, mend it and export it again"
NEW_NODES = "install the custom nodes that bring it (ComfyUI-Manager finds them by this name), or update this ComfyUI"


@dataclass(frozen=True)
class Mismatch:
    """`sure` is False where only the code of a custom node knows."""

    words: str
    advice: str
    sure: bool = True


@dataclass(frozen=True)
class NodeInput:
    """`choices` is None where anything goes; `grows`: it has no value itself, only members called `name.member`."""

    required: bool
    choices: list[Any] | None
    grows: bool
    uploads: bool


@dataclass(frozen=True)
class Node:
    id: str
    class_type: str
    inputs: Mapping[str, Any]

    def __str__(self) -> str:
        return f"node {self.id} ({self.class_type})"


def mismatches(workflow: Workflow, classes: Classes) -> Iterator[Mismatch]:
    """In the order of the nodes. `workflow` is in the API format, `classes` the answer of /object_info."""
    nodes = [Node(node_id, str(node["class_type"]), node["inputs"]) for node_id, node in workflow.items()]
    for node in nodes:
        if node.class_type not in classes:
            yield Mismatch(f"node {node.id}: there is no node class {node.class_type}", NEW_NODES)
            continue
        description = classes[node.class_type]
        known = node_inputs(description)
        yield from _missing(node, known)
        yield from _unknown(node, known, description)
        yield from _wrong_values(node, known, workflow)
    if not any(classes.get(node.class_type, {}).get("output_node") for node in nodes):
        yield Mismatch("no node of the workflow puts a picture out", "add a SaveImage node and export it again")


def node_inputs(description: Mapping[str, Any]) -> dict[str, NodeInput]:
    sections = description.get("input") or {}
    found = {}
    for section in ("optional", "required"):
        for name, spec in (sections.get(section) or {}).items():
            found[name] = _node_input(spec, required=section == "required")
    return found


def _node_input(spec: Any, *, required: bool) -> NodeInput:
    kind, options = (*spec, {}, {})[:2] if isinstance(spec, list) else (spec, {})
    options = options if isinstance(options, dict) else {}
    return NodeInput(
        required,
        _choices(kind, options),
        grows=isinstance(kind, str) and kind.startswith("COMFY_AUTOGROW"),
        uploads=any(name.endswith("_upload") and value for name, value in options.items()),
    )


def _choices(kind: Any, options: Mapping[str, Any]) -> list[Any] | None:
    """Older nodes have the list in place of the type, newer ones say COMBO and have it among the options."""
    if options.get("multiselect") or options.get("remote"):
        return None
    if isinstance(kind, list):
        return kind
    offered = options.get("options")
    if kind == "COMBO" and isinstance(offered, list):
        return offered
    if isinstance(kind, str) and kind.startswith("COMFY_DYNAMICCOMBO") and isinstance(offered, list):
        return [each["key"] for each in offered if isinstance(each, dict) and "key" in each]
    return None


def _missing(node: Node, known: Mapping[str, NodeInput]) -> Iterator[Mismatch]:
    for name, offer in known.items():
        if offer.required and not offer.grows and name not in node.inputs:
            yield Mismatch(f"{node}: the input {name} is missing, and this ComfyUI requires it", UPDATE)


def _unknown(node: Node, known: Mapping[str, NodeInput], description: Mapping[str, Any]) -> Iterator[Mismatch]:
    allowed = {*known, *((description.get("input") or {}).get("hidden") or {})}
    if any(offer.uploads for offer in known.values()):
        allowed |= UPLOAD_BUTTONS
    custom = str(description.get("python_module", "")).startswith("custom_nodes")
    for name in node.inputs:
        # members of an input that grows or unfolds are called name.member
        if name not in allowed and name.partition(".")[0] not in allowed:
            yield Mismatch(f"{node}: this ComfyUI's node has no input {name}", UPDATE, sure=not custom)


def _wrong_values(node: Node, known: Mapping[str, NodeInput], workflow: Workflow) -> Iterator[Mismatch]:
    for name, value in node.inputs.items():
        choices = known[name].choices if name in known else None
        if is_link(value):
            if value[0] not in workflow:
                words = f"{node}: the input {name} comes from node {value[0]}, which the workflow does not have"
                yield Mismatch(words, "open it in ComfyUI, mend it and export it again")
        elif choices is not None and value not in choices and not ANNOTATED.search(str(value)):
            yield _not_offered(node, name, value, known[name], choices)


def _not_offered(node: Node, name: str, value: Any, offer: NodeInput, choices: list[Any]) -> Mismatch:
    folder = "input" if offer.uploads else _folder(node.class_type, name)
    if folder is None and not MODEL_FILE.search(str(value)):
        words = f"{node}: {name} is {value!r}, which this ComfyUI does not offer"
        return Mismatch(words, f"choose one of: {_listed(choices)}")
    path = PureWindowsPath(str(value))
    words = f"{node}: {name} is {value!r}, and this ComfyUI has no such file"
    for other in choices:
        if PureWindowsPath(str(other)).name == path.name:
            return Mismatch(words, f"it has {str(other)!r}: write that into the workflow")
    place = "the folder in which this node looks for its files"
    if folder:
        place = "/".join([f"ComfyUI's folder {folder}", *path.parts[:-1]])
    return Mismatch(words, f"put {path.name} into {place}")


def _folder(class_type: str, name: str) -> str | None:
    if special := FOLDERS_OF_CLASSES.get((class_type, name)):
        return special
    # DualCLIPLoader has clip_name1 and clip_name2
    folder = MODEL_FOLDERS.get(name.rstrip("0123456789"))
    return f"models/{folder}" if folder else None


def _listed(choices: list[Any]) -> str:
    shown = ", ".join(str(choice) for choice in choices[:MOST_CHOICES]) or "nothing, its list is empty"
    return shown if len(choices) <= MOST_CHOICES else f"{shown}, … ({len(choices)} in all)"
