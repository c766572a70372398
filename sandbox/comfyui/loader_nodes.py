"""Loaders: model files by name. A UNETLoader that runs again makes a new model, which must go to the GPU anew."""

import itertools
from dataclasses import replace

from sandbox.comfyui.gpu import Model
from sandbox.comfyui.node_cache import NodeResult
from sandbox.comfyui.node_class import NodeCall, NodeClass, link, number, one_of
from sandbox.comfyui.settings import ComfySettings

IDENTITIES = itertools.count(1)


async def load_unet(call: NodeCall) -> NodeResult:
    return NodeResult((Model(next(IDENTITIES), call.values["unet_name"]),))


async def load_clip(call: NodeCall) -> NodeResult:
    return NodeResult((call.values["clip_name"],))


async def load_vae(call: NodeCall) -> NodeResult:
    return NodeResult((call.values["vae_name"],))


async def load_lora(call: NodeCall) -> NodeResult:
    model: Model = call.values["model"]
    patched = replace(model, loras=(*model.loras, call.values["lora_name"]))
    return NodeResult((patched, call.values.get("clip")))


async def shift_sampling(call: NodeCall) -> NodeResult:
    return NodeResult((call.values["model"],))


def loader_nodes(settings: ComfySettings) -> list[NodeClass]:
    files = settings.models
    strength = number(1.0, -100.0, 100.0, step=0.01)
    precision = one_of("default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2")
    lora = one_of(*files.get("loras", ()))
    lora_model_only = {"model": link("MODEL"), "lora_name": lora, "strength_model": strength}
    return [
        NodeClass(
            "UNETLoader",
            load_unet,
            {"unet_name": one_of(*files.get("diffusion_models", ())), "weight_dtype": precision},
            ("MODEL",),
            category="advanced/loaders",
        ),
        NodeClass(
            "CLIPLoader",
            load_clip,
            {"clip_name": one_of(*files.get("text_encoders", ())), "type": one_of("stable_diffusion", "lumina2")},
            ("CLIP",),
            optional={"device": (["default", "cpu"], {"advanced": True})},
            category="advanced/loaders",
        ),
        NodeClass("VAELoader", load_vae, {"vae_name": one_of(*files.get("vae", ()))}, ("VAE",), category="loaders"),
        NodeClass(
            "LoraLoader",
            load_lora,
            {"model": link("MODEL"), "clip": link("CLIP"), "lora_name": lora}
            | {"strength_model": strength, "strength_clip": strength},
            ("MODEL", "CLIP"),
            category="loaders",
        ),
        NodeClass("LoraLoaderModelOnly", load_lora, lora_model_only, ("MODEL",), category="loaders"),
        NodeClass(
            "ModelSamplingAuraFlow",
            shift_sampling,
            {"model": link("MODEL"), "shift": number(1.73, 0.0, 100.0, step=0.01)},
            ("MODEL",),
            category="advanced/model",
        ),
    ]
