"""The pictures that are asked for: so many, of two personas whose models differ, in an order that chance made once."""

import json
import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.companion.personas import SHIPPED, Persona, Personas
from jobs.settings import PersonaSettings
from jobs.workflow import filename_prefix, patch

SEED = 20261122
NUMBERED = r"picture number (\d+)"
# as large as makes a PNG of one megabyte
SIDE = 896
SHIPPED_ONE, OTHER_ONE = "lina", "vera"
OTHER_MODEL = "z_image_turbo_bf16.safetensors"
MODELS = 2
FIRST_CHAT = 3_000_000_000


@dataclass(frozen=True)
class Wanted:
    """A picture for the person in the chat `chat_id`."""

    number: int
    persona: str

    @property
    def chat_id(self) -> int:
        return FIRST_CHAT + self.number

    @property
    def prompt(self) -> str:
        return f"A harbour at dawn, picture number {self.number}"


def wanted(count: int) -> list[Wanted]:
    personas = [SHIPPED_ONE, OTHER_ONE] * (count // 2)
    random.Random(SEED).shuffle(personas)
    return [Wanted(number, persona) for number, persona in enumerate(personas)]


def make_personas(folder: Path) -> Personas:
    """A PERSONAS_DIR in `folder` with a persona whose workflow names another model than the shipped ones."""
    own = folder / OTHER_ONE
    shutil.copytree(SHIPPED / SHIPPED_ONE, own)
    path = own / "workflow.json"
    graph: dict[str, Any] = json.loads(path.read_text())
    for node in graph.values():
        if node["class_type"] == "UNETLoader":
            node["inputs"]["unet_name"] = OTHER_MODEL
    path.write_text(json.dumps(graph))
    return Personas(PersonaSettings(personas_dir=str(folder))).checked()


def graph_of(persona: Persona, picture: Wanted) -> dict[str, Any]:
    """The whole workflow as ComfyUI gets it, for a rival that has no personas."""
    values = {
        "prompt": picture.prompt, "negative": persona.negative_prompt, "seed": picture.number, "width": SIDE,
        "height": SIDE, "filename_prefix": filename_prefix(picture.number),
    }  # fmt: skip
    return patch(persona.graph, persona.workflow, values)
