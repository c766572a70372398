"""What the webhook app is measured beside: `uvicorn bench.doors:empty`, and its own handler with no database."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from sqlalchemy import TextClause

from jobs.db.dialog import dialogs
from jobs.db.people import telegram_users, wallet
from jobs.db.work import jobs as job_rows

empty = FastAPI(openapi_url=None)


@empty.post("/telegram/webhook")
async def take_nothing() -> dict[str, str]:
    return {}


@empty.get("/readyz")
async def ready() -> dict[str, str]:
    return {}


def undatabased() -> FastAPI:
    """The whole webhook app; only that whoever asks the database gets the same answer at once, made up here."""
    from webhook.app import app

    built: FastAPI = app
    built.state.updates.database = NoDatabase()
    return built


class NoDatabase:
    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator["NoConnection"]:
        yield NoConnection()


class NoConnection:
    """Knows the statements of a plain text message from a known user."""

    async def execute(self, statement: TextClause, values: dict[str, Any]) -> "Rows":
        return Rows([self._row(statement, values)])

    def _row(self, statement: TextClause, values: dict[str, Any]) -> dict[str, Any]:
        if statement is telegram_users.TAKE:
            known = {"user_id": values["user_id"], "language_code": values["language_code"], "dialog_id": 1}
            return {**known, "locale": None, "blocked_at": None}
        if statement is wallet.POST:
            return {"written": True, "before": False, "balance": 99}
        if statement is dialogs.ADD_USER_MESSAGE:
            return {"id": 1, "persona": "lina", "message_count": 1, "reply_job_id": values["job_id"]}
        if statement is job_rows.ACCEPT:
            nothing = dict.fromkeys(job_rows.Job.__dataclass_fields__)
            job = {**nothing, **{name: values[name] for name in nothing if name in values}, "id": uuid4()}
            return {**job, "open_before": {"jobs": 0, "apart": 0}}
        raise NotImplementedError(f"no made-up answer for: {statement}")


class Rows:
    """As much of SQLAlchemy's result as the statements' readers use."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def mappings(self) -> "Rows":
        return self

    def one(self) -> dict[str, Any]:
        return self.rows[0]

    first = one
