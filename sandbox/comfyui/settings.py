"""How long does a picture take here, which model files exist, and which traps are set?"""

from dataclasses import dataclass, field

MODEL_FILES: dict[str, tuple[str, ...]] = {
    "diffusion_models": ("z_image_turbo_bf16.safetensors", "z_image_turbo_fp8_e4m3fn.safetensors"),
    "text_encoders": ("qwen_3_4b.safetensors", "qwen_3_4b_fp8_mixed.safetensors"),
    "vae": ("ae.safetensors",),
    "loras": ("portrait.safetensors", "watercolor.safetensors"),
    "checkpoints": (),
}


@dataclass(frozen=True)
class ComfySettings:
    """`seconds_per_picture` counts from execution_start, loading apart; `steps` overrules what the workflow asks for.

    `model_load_seconds` is paid before the first progress whenever the sampler's model is not on the GPU. With
    `cache_lru` 0 the results of earlier prompts are dropped at once, as ComfyUI's default cache does: a switch of
    the model reloads it. `history_delay` parts execution_success from the moment the prompt counts as done.
    `abrupt_close_lag` is how late the server notices a socket that vanished without a goodbye.
    """

    seconds_per_picture: float = 1.0
    steps: int | None = None
    model_load_seconds: float = 0.0
    lora_load_seconds: float = 0.0
    vram_models: int = 2
    cache_lru: int = 0
    models: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(MODEL_FILES))
    history_delay: float = 0.001
    abrupt_close_lag: float = 0.3
    preview_method: str = "none"
    metadata: bool = True
    jobs_api: bool = True
    cancel_api: bool = True
    version: str = "0.33.0"
