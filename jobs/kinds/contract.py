"""What a kind is: a module with these names in it. `registry` lists the modules."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar
from uuid import UUID, uuid4

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.outbox import Message
from jobs.db.session import Database
from jobs.db.work.jobs import Job, Json
from jobs.seat import Seat

if TYPE_CHECKING:
    from jobs.resources import Resources

InputT = TypeVar("InputT", bound=BaseModel)


@dataclass(frozen=True)
class NewJob:
    """A job to be. `input` is checked against the kind's Input when it is submitted.

    In a tree (see jobs/trees): `stage` is under which name the root counts it, its kind without one; `critical`: when
    it fails, what is right above it has failed too.
    """

    kind: str
    input: Json
    owner: str
    id: UUID = field(default_factory=uuid4)
    dialog_id: int | None = None
    destination: Json = field(default_factory=dict)
    metadata: Json = field(default_factory=dict)
    priority: int = 0
    parent_id: UUID | None = None
    root_id: UUID | None = None
    run_at: datetime | None = None
    deadline: datetime | None = None
    stage: str | None = None
    critical: bool = False


Save = Callable[[AsyncConnection], Awaitable[Sequence[NewJob]]]


@dataclass(frozen=True)
class Outcome:
    """What a run made.

    `save` writes what belongs to the result, inside the transaction that completes the job, and names the jobs that
    follow from it. `messages` is how the result reads in a chat, if the job was asked for in one. `tidy` is called
    after that transaction; what it fails to do is done by nobody. `children` are submitted in the transaction too,
    below this job, whose owner they have: its root ends when none of them, and nothing below them, is open.
    """

    result: BaseModel
    usage: Json = field(default_factory=dict)
    messages: Sequence[Message] = ()
    save: Save | None = None
    tidy: Callable[[], Awaitable[None]] | None = None
    children: Sequence[NewJob] = ()


@dataclass(frozen=True)
class Further:
    """What follows once no step of a root is open: more steps, or its end with this `result` (None: its own run's)."""

    steps: Sequence[NewJob] = ()
    result: Json | None = None


# in the transaction that would end the root as completed, and again after the steps that it named; writes nothing
AfterSteps = Callable[[AsyncConnection, Job], Awaitable[Further]]


class ReportsProgress(Protocol):
    """`report` never waits. `done` of `total`, `stage` in words; `more` goes into the event only."""

    def report(self, done: float, total: float, stage: str | None, /, **more: Any) -> None: ...


@dataclass(frozen=True)
class Run(Generic[InputT]):
    """One run of a job. No transaction is open; `database` gives short ones for reading."""

    job: Job
    input: InputT
    database: Database
    progress: ReportsProgress
    seat: Seat


class Kind(Protocol):
    """`QUEUE` is where its tickets go; "image" means the lane or provider that is best at that moment.

    `CHAT_ACTION` is what a chat shows while it runs. `ATTEMPTS` bounds the tries after temporary errors.
    """

    @property
    def Input(self) -> type[BaseModel]: ...  # noqa: N802 - a class of the module

    @property
    def Result(self) -> type[BaseModel]: ...  # noqa: N802 - a class of the module

    QUEUE: str
    CHAT_ACTION: str
    ATTEMPTS: int

    def run(self, run: Run[Any], resources: "Resources", /) -> Awaitable[Outcome]: ...
