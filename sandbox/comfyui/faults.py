"""Which trouble was ordered, and which prompt gets it?"""

from dataclasses import dataclass
from typing import Literal

FaultKind = Literal["oom", "cuda", "error", "interrupt", "restart", "drop_sockets", "hang"]


@dataclass
class Fault:
    """Strikes `times` prompts whose text contains `prompt_contains`, when the sampler has done `at_step` steps.

    `seconds` is the downtime of a restart or the length of a hang (0: until told otherwise).
    """

    kind: FaultKind
    at_step: int = 1
    times: int = 1
    prompt_contains: str = ""
    seconds: float = 0.0


class FaultBook:
    def __init__(self) -> None:
        self.ordered: list[Fault] = []

    def order(self, fault: Fault) -> None:
        self.ordered.append(fault)

    def clear(self) -> None:
        self.ordered.clear()

    def take(self, step: int, text: str) -> Fault | None:
        """The fault that strikes now, counted as used."""
        for fault in self.ordered:
            if fault.at_step == step and fault.prompt_contains in text:
                fault.times -= 1
                if fault.times <= 0:
                    self.ordered.remove(fault)
                return fault
        return None
