"""Nodes that only the sandbox has: one that sleeps (and may ignore every cancel), one that fails as it is told."""

import asyncio

from sandbox.comfyui.drawing import preview_jpeg
from sandbox.comfyui.node_cache import NodeResult
from sandbox.comfyui.node_class import NodeCall, NodeClass, integer, link, number, one_of
from sandbox.comfyui.prompt_run import ILLEGAL_ACCESS, OUT_OF_MEMORY, NodeFailure

FAILURES = {
    "value_error": ("ValueError", "boom from SandboxFail\n"),
    "oom": ("torch.OutOfMemoryError", OUT_OF_MEMORY),
    "cuda": ("torch.AcceleratorError", ILLEGAL_ACCESS),
    "timeout": ("requests.exceptions.ConnectTimeout", "HTTPSConnectionPool: connect timed out"),
}


async def sleep(call: NodeCall) -> NodeResult:
    values = call.values
    if values["ignore_cancel"]:
        await asyncio.sleep(values["seconds"])
    else:
        await sleep_in_steps(call)
    return NodeResult((values["image"],))


async def sleep_in_steps(call: NodeCall) -> None:
    steps = call.values["steps"]
    for step in range(1, steps + 1):
        await asyncio.sleep(call.values["seconds"] / steps)
        await call.run.machine.publisher.awake.wait()
        picture = preview_jpeg("asleep", call.values["seed"], 256, 256, step / steps)
        call.run.tick(call.node_id, step, steps, (picture, "image/jpeg") if call.values["preview"] else None)


async def fail(call: NodeCall) -> NodeResult:
    mode = call.values["mode"]
    if mode == "oom":
        call.run.machine.gpu.unload()
    if mode == "cuda":
        call.run.machine.gpu.poisoned = True
    raise NodeFailure(*FAILURES[mode])


def fault_nodes() -> list[NodeClass]:
    seed = integer(0, 0, 2**64 - 1)
    return [
        NodeClass(
            "SandboxSleep",
            sleep,
            {"image": link("IMAGE"), "seconds": number(1.0, 0.0, 3600.0), "steps": integer(3, 1, 1000), "seed": seed},
            ("IMAGE",),
            optional={"preview": ("BOOLEAN", {"default": False}), "ignore_cancel": ("BOOLEAN", {"default": False})},
        ),
        NodeClass("SandboxFail", fail, {"image": link("IMAGE"), "mode": one_of(*FAILURES), "seed": seed}, ("IMAGE",)),
    ]
