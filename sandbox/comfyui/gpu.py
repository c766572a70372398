"""What lies in the card's memory, and is the CUDA context still usable?"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Model:
    """`identity` is new whenever the loader node runs again: a dropped node result means a reload."""

    identity: int
    name: str
    loras: tuple[str, ...] = ()


@dataclass
class Gpu:
    """`capacity` counts models; a LoRA changes a model in place."""

    capacity: int
    resident: dict[int, tuple[str, ...]] = field(default_factory=dict)
    poisoned: bool = False

    def admit(self, model: Model) -> tuple[bool, bool]:
        """Was the model there, and was it there with these LoRAs? Afterwards it is, and the oldest one made room."""
        loras = self.resident.pop(model.identity, None)
        self.resident[model.identity] = model.loras
        while len(self.resident) > self.capacity:
            del self.resident[next(iter(self.resident))]
        return loras is not None, (loras or ()) == model.loras

    def unload(self) -> None:
        self.resident.clear()
