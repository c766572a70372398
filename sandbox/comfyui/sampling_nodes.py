"""From text and noise to a picture: conditioning, the empty latent, the sampler with its steps, the decoder."""

import asyncio
from dataclasses import dataclass

from sandbox.comfyui.drawing import draw_scene, png_bytes, preview_jpeg
from sandbox.comfyui.node_cache import NodeResult
from sandbox.comfyui.node_class import NodeCall, NodeClass, integer, link, number, one_of

SAMPLERS = ("euler", "euler_ancestral", "heun", "dpm_2", "dpmpp_2m", "dpmpp_sde", "res_multistep", "uni_pc", "ddim")
SCHEDULERS = ("simple", "sgm_uniform", "karras", "exponential", "ddim_uniform", "beta", "normal")


@dataclass(frozen=True)
class Latent:
    width: int
    height: int
    pictures: tuple[bytes, ...]


async def encode_text(call: NodeCall) -> NodeResult:
    return NodeResult((call.values["text"],))


async def zero_out(call: NodeCall) -> NodeResult:
    return NodeResult(("",))


async def empty_latent(call: NodeCall) -> NodeResult:
    values = call.values
    return NodeResult((Latent(values["width"], values["height"], (b"",) * values["batch_size"]),))


async def sample(call: NodeCall) -> NodeResult:
    run, latent = call.run, call.values["latent_image"]
    run.need_gpu()
    await run.load(call.values["model"])
    run.strike(0)
    drawing = asyncio.ensure_future(asyncio.to_thread(draw_batch, latent, call.values["positive"], call.values["seed"]))
    try:
        await take_steps(call, latent)
    except BaseException:
        drawing.cancel()
        raise
    return NodeResult((Latent(latent.width, latent.height, await drawing),))


async def take_steps(call: NodeCall, latent: Latent) -> None:
    run, values = call.run, call.values
    steps = run.machine.settings.steps or values["steps"]
    begin, seconds = run.sampling(run.machine.settings.seconds_per_picture * len(latent.pictures))
    for step in range(1, steps + 1):
        await run.sleep_until(begin + seconds * step / steps)
        run.tick(call.node_id, step, steps, await preview(call, latent, step / steps))
        run.strike(step)
        run.stop_if_interrupted()


async def preview(call: NodeCall, latent: Latent, share: float) -> tuple[bytes, str] | None:
    if not call.run.previews_wanted():
        return None
    text, seed = call.values["positive"], call.values["seed"]
    return await asyncio.to_thread(preview_jpeg, text, seed, latent.width, latent.height, share), "image/jpeg"


def draw_batch(latent: Latent, text: str, seed: int) -> tuple[bytes, ...]:
    size = latent.width, latent.height
    return tuple(png_bytes(draw_scene(text, seed + number, *size)) for number in range(len(latent.pictures)))


async def decode(call: NodeCall) -> NodeResult:
    return NodeResult((call.values["samples"].pictures,))


def sampling_nodes() -> list[NodeClass]:
    side = integer(1024, 16, 16384, step=16)
    return [
        NodeClass(
            "CLIPTextEncode",
            encode_text,
            {"text": ("STRING", {"multiline": True, "dynamicPrompts": True}), "clip": link("CLIP")},
            ("CONDITIONING",),
            category="conditioning",
        ),
        NodeClass(
            "ConditioningZeroOut",
            zero_out,
            {"conditioning": link("CONDITIONING")},
            ("CONDITIONING",),
            category="advanced/conditioning",
        ),
        NodeClass(
            "EmptySD3LatentImage",
            empty_latent,
            {"width": side, "height": side, "batch_size": integer(1, 1, 4096)},
            ("LATENT",),
            category="latent/sd3",
        ),
        NodeClass(
            "KSampler",
            sample,
            {
                "model": link("MODEL"),
                "seed": integer(0, 0, 2**64 - 1, control_after_generate=True),
                "steps": integer(20, 1, 10000),
                "cfg": number(8.0, 0.0, 100.0, step=0.1, round=0.01),
                "sampler_name": one_of(*SAMPLERS),
                "scheduler": one_of(*SCHEDULERS),
                "positive": link("CONDITIONING"),
                "negative": link("CONDITIONING"),
                "latent_image": link("LATENT"),
                "denoise": number(1.0, 0.0, 1.0, step=0.01),
            },
            ("LATENT",),
            category="sampling",
        ),
        NodeClass("VAEDecode", decode, {"samples": link("LATENT"), "vae": link("VAE")}, ("IMAGE",), category="latent"),
    ]
