"""What a picture is drawn with, as far as it matters to a lane."""

from dataclasses import dataclass

from jobs.companion.personas import Persona, Personas
from jobs.workflow import model_of


@dataclass(frozen=True)
class Drawing:
    """`workflow` names what takes equally long, `model` what must be in the GPU's memory for it."""

    persona: Persona
    workflow: str
    model: str


def drawing_of(personas: Personas, persona: str | None, width: int | None, height: int | None) -> Drawing:
    """Raises InvalidInput for an unknown persona; without one the default persona's workflow draws."""
    drawn = personas.find(persona) if persona else personas.default
    size = f" {width or '…'}x{height or '…'}" if width or height else ""
    return Drawing(drawn, f"{drawn.key}{size}", model_of(drawn.graph))
