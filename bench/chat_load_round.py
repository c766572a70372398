"""One round of the load: what is asked for, and what came of it."""

from dataclasses import dataclass, field

from bench.chat_load_ledger import Books
from bench.chat_load_people import BURSTS
from bench.chat_load_verdict import Verdict
from bench.chat_load_workers import FLEET, Fleet
from bench.ground import TEMPLATE

MODEL_SECONDS = 0.2
# nobody hears anything for so long: what is missing now is lost. A dead worker's work is taken up after 30 s
PATIENCE = 100.0


@dataclass(frozen=True)
class Round:
    """`limits`: Telegram's own flood control. `faults`: workers are killed in turns, and the database once.

    `aftermath`: what is said twice is said so within these seconds.
    """

    name: str
    people: int
    limits: bool = False
    faults: bool = False
    fleet: Fleet = field(default_factory=lambda: FLEET)
    patience: float = PATIENCE
    aftermath: float = 2.0
    template: str = TEMPLATE


@dataclass(frozen=True)
class Came:
    """`refusals`: how often Telegram said 429. `left`: lines about what did not end well.

    `spent`: processor time of each sort of process while people talked, empty where workers were killed.
    """

    round: Round
    verdict: Verdict
    books: Books
    refusals: int
    killed: int
    restarts: int
    left: list[str] = field(default_factory=list)
    spent: dict[str, float] = field(default_factory=dict)

    @property
    def messages_wanted(self) -> int:
        return self.round.people * sum(BURSTS)
