"""How good are the built-in rules? Precision and recall on texts of which it is known whether they must be blocked."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from jobs.errors import InvalidInput
from jobs.safety.hard_block import broken_rule

SHIPPED = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class Case:
    text: str
    blocked: bool
    adult: bool = False


@dataclass(frozen=True)
class Measure:
    """`missed` should have been blocked, `false_alarms` should not have been."""

    cases: int
    blocked: int
    missed: Sequence[Case]
    false_alarms: Sequence[Case]

    @property
    def recall(self) -> float:
        wanted = self.blocked - len(self.false_alarms) + len(self.missed)
        return 1 - len(self.missed) / wanted if wanted else 1.0

    @property
    def precision(self) -> float:
        return 1 - len(self.false_alarms) / self.blocked if self.blocked else 1.0

    def __str__(self) -> str:
        return f"{self.cases} cases: precision {self.precision:.3f}, recall {self.recall:.3f}"


class Given(BaseModel):
    model_config = ConfigDict(extra="forbid")

    blocked: bool
    adult: bool = False
    texts: list[str]


class File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    table: list[dict[str, Any]] = []
    cases: list[Given] = []


def read(path: Path = SHIPPED) -> list[Case]:
    """Raises InvalidInput for a file that is not of the form of the shipped one."""
    try:
        file = File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        made = [case for table in file.table for case in _combined(table)]
    except (OSError, ValueError, KeyError, ValidationError) as error:
        raise InvalidInput(f"{path} is not a labelled set: {error}") from None
    return made + [Case(text, given.blocked, given.adult) for given in file.cases for text in given.texts]


def measure(cases: Sequence[Case]) -> Measure:
    judged = [(case, broken_rule(case.text, adult=case.adult) is not None) for case in cases]
    return Measure(
        len(cases),
        sum(blocked for _, blocked in judged),
        [case for case, blocked in judged if case.blocked and not blocked],
        [case for case, blocked in judged if blocked and not case.blocked],
    )


def _combined(table: dict[str, Any]) -> Iterator[Case]:
    columns = {name: values for name, values in table.items() if name not in ("blocked", "adult", "forms")}
    for values in product(*columns.values()):
        for form in table["forms"]:
            text = form.format(**dict(zip(columns, values, strict=True)))
            yield Case(text, table["blocked"], table.get("adult", False))
