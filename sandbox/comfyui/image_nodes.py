"""Nodes that make, change and save pictures. A picture travels between nodes as the bytes of a PNG."""

import asyncio
import io
import json
import re
from pathlib import Path

from PIL import Image, ImageOps

from sandbox.comfyui.drawing import png_bytes
from sandbox.comfyui.node_cache import NodeResult
from sandbox.comfyui.node_class import NodeCall, NodeClass, integer, link
from sandbox.comfyui.png import insert_text
from sandbox.comfyui.prompt_run import NodeFailure


async def empty_image(call: NodeCall) -> NodeResult:
    values = call.values
    png = await asyncio.to_thread(plain_png, values["width"], values["height"], values["color"])
    return NodeResult(((png,) * values["batch_size"],))


def plain_png(width: int, height: int, colour: int) -> bytes:
    return png_bytes(Image.new("RGB", (width, height), (colour >> 16 & 255, colour >> 8 & 255, colour & 255)))


async def invert(call: NodeCall) -> NodeResult:
    return NodeResult((await asyncio.to_thread(inverted, call.values["image"]),))


def inverted(pictures: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(png_bytes(ImageOps.invert(Image.open(io.BytesIO(png)).convert("RGB"))) for png in pictures)


async def save_image(call: NodeCall) -> NodeResult:
    graph = json.dumps(call.run.prompt.graph) if call.run.machine.settings.metadata else None
    images = await asyncio.to_thread(
        save_pictures, call.run.machine.output_dir, call.values["filename_prefix"], call.values["images"], graph
    )
    await call.run.saved()
    return NodeResult(ui={"images": images})


def save_pictures(root: Path, prefix: str, pictures: tuple[bytes, ...], graph: str | None) -> list[dict[str, str]]:
    target = (root / prefix).resolve()
    if not target.is_relative_to(root.resolve()):
        raise NodeFailure("Exception", "**** ERROR: Saving image outside the output folder is not allowed.")
    target.parent.mkdir(parents=True, exist_ok=True)
    subfolder = target.parent.relative_to(root.resolve()).as_posix().removeprefix(".")
    counter = next_counter(target.parent, target.name)
    saved = []
    for number, png in enumerate(pictures, counter):
        filename = f"{target.name}_{number:05}_.png"
        (target.parent / filename).write_bytes(insert_text(png, "prompt", graph) if graph else png)
        saved.append({"filename": filename, "subfolder": subfolder, "type": "output"})
    return saved


def next_counter(folder: Path, name: str) -> int:
    pattern = re.compile(re.escape(name) + r"_(\d+)_\.png")
    taken = [int(match[1]) for path in folder.iterdir() if (match := pattern.fullmatch(path.name))]
    return max(taken, default=0) + 1


async def save_to_websocket(call: NodeCall) -> NodeResult:
    pictures = call.values["images"]
    for number, png in enumerate(pictures, 1):
        call.run.tick(call.node_id, number, len(pictures), (png, "image/png"))
    return NodeResult()


def image_nodes() -> list[NodeClass]:
    side = integer(512, 1, 16384, step=1)
    return [
        NodeClass(
            "EmptyImage",
            empty_image,
            {"width": side, "height": side, "batch_size": integer(1, 1, 4096)}
            | {"color": integer(0, 0, 0xFFFFFF, step=1, display="color")},
            ("IMAGE",),
            category="image",
        ),
        NodeClass("ImageInvert", invert, {"image": link("IMAGE")}, ("IMAGE",), category="image"),
        NodeClass(
            "SaveImage",
            save_image,
            {"images": link("IMAGE"), "filename_prefix": ("STRING", {"default": "ComfyUI"})},
            category="image",
            output_node=True,
        ),
        NodeClass(
            "SaveImageWebsocket",
            save_to_websocket,
            {"images": link("IMAGE")},
            category="api/image",
            output_node=True,
            never_cached=True,
        ),
    ]
