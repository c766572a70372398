"""Small workflows in API format to try the server with: Z-Image as people export it, and three without a model."""

from typing import Any

from sandbox.comfyui.node_cache import Graph

FP8 = "z_image_turbo_fp8_e4m3fn.safetensors"


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": class_type}}


def z_image(
    text: str, *, seed: int = 1, side: int = 128, steps: int = 4, prefix: str = "img", unet: str = FP8
) -> Graph:
    return {
        "28": node("UNETLoader", unet_name=unet, weight_dtype="default"),
        "30": node("CLIPLoader", clip_name="qwen_3_4b.safetensors", type="lumina2", device="default"),
        "29": node("VAELoader", vae_name="ae.safetensors"),
        "11": node("ModelSamplingAuraFlow", model=["28", 0], shift=3),
        "27": node("CLIPTextEncode", text=text, clip=["30", 0]),
        "33": node("ConditioningZeroOut", conditioning=["27", 0]),
        "13": node("EmptySD3LatentImage", width=side, height=side, batch_size=1),
        "3": node(
            "KSampler",
            model=["11", 0],
            seed=seed,
            steps=steps,
            cfg=1.0,
            sampler_name="res_multistep",
            scheduler="simple",
            positive=["27", 0],
            negative=["33", 0],
            latent_image=["13", 0],
            denoise=1,
        ),
        "8": node("VAEDecode", samples=["3", 0], vae=["29", 0]),
        "9": node("SaveImage", images=["8", 0], filename_prefix=prefix),
    }


def inverted(*, prefix: str = "hello", side: int = 64, colour: int = 2295788) -> Graph:
    return {
        "1": node("EmptyImage", width=side, height=side, batch_size=1, color=colour),
        "2": node("ImageInvert", image=["1", 0]),
        "3": node("SaveImage", images=["2", 0], filename_prefix=prefix),
    }


def sleeping(seconds: float, *, steps: int = 3, seed: int = 1, prefix: str = "sleep", **more: Any) -> Graph:
    """`preview=True` shows pictures on the way, `ignore_cancel=True` never looks whether it should stop."""
    return {
        "1": node("EmptyImage", width=64, height=64, batch_size=1, color=255),
        "2": node("SandboxSleep", image=["1", 0], seconds=seconds, steps=steps, seed=seed, **more),
        "3": node("SaveImage", images=["2", 0], filename_prefix=prefix),
    }


def failing(mode: str, *, seed: int = 1) -> Graph:
    """`mode`: value_error, oom, cuda or timeout."""
    return {
        "1": node("EmptyImage", width=64, height=64, batch_size=1, color=255),
        "2": node("SandboxFail", image=["1", 0], mode=mode, seed=seed),
        "3": node("SaveImage", images=["2", 0], filename_prefix="never"),
    }


def streamed(graph: Graph) -> Graph:
    """The same graph with its picture sent over the websocket instead of saved."""
    changed = dict(graph)
    for node_id, spec in graph.items():
        if spec["class_type"] == "SaveImage":
            changed[node_id] = node("SaveImageWebsocket", images=spec["inputs"]["images"])
    return changed
