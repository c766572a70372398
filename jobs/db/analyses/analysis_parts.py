"""The steps of an analysis: what its parts came to, whether they were merged, and which reports were made."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text

from jobs.db.work.jobs import Json


@dataclass(frozen=True)
class PartRow:
    input: Json
    status: str
    result: Json | None
    error: Json | None

    @property
    def is_open(self) -> bool:
        return self.status in ("pending", "processing")


@dataclass(frozen=True)
class State:
    """`merged`: the result of the newest merge, None before there is one. `done`: parts that have a result."""

    done: int
    merged: Json | None
    reports: Json


PARTS = text(
    "SELECT input, status, result, error FROM jobs WHERE root_id = :root_id AND kind = :kind"
    " ORDER BY CAST(input->>'number' AS integer)"
).bindparams(bindparam("kind", type_=Text))
STATE = text(
    "SELECT count(*) FILTER (WHERE kind = :parts AND status = 'completed') AS done,"
    " (array_agg(result ORDER BY created_at DESC) FILTER (WHERE kind = :merge))[1] AS merged"
    " FROM jobs WHERE root_id = :root_id"
).bindparams(bindparam("parts", type_=Text), bindparam("merge", type_=Text))
REPORTS = text(
    "SELECT result->'reports' AS reports FROM jobs WHERE root_id = :root_id AND kind = 'make_report'"
    " AND status = 'completed' ORDER BY created_at"
)


async def parts(connection: AsyncConnection, root_id: UUID, kind: str) -> Sequence[PartRow]:
    """In the order of the documents."""
    rows = await connection.execute(PARTS, {"root_id": root_id, "kind": kind})
    return [PartRow(**row) for row in rows.mappings()]


async def state(connection: AsyncConnection, root_id: UUID, *, parts: str, merge: str) -> State:
    """`parts` and `merge`: the kinds of these steps."""
    values = {"root_id": root_id, "parts": parts, "merge": merge}
    found = (await connection.execute(STATE, values)).mappings().one()
    reports: Json = {}
    for each in (await connection.execute(REPORTS, {"root_id": root_id})).scalars():
        reports |= each or {}
    return State(found["done"], found["merged"], reports)
