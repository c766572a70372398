"""What the API's acceptance is measured beside: `uvicorn bench.api_bare:app`, a checked body and one durable INSERT.

No key, no limit, no event, no ticket, no place in a line; asyncpg itself without SQLAlchemy. All of it in its favour.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from fastapi import FastAPI, Request
from pydantic import BaseModel

TABLE = (
    "CREATE TABLE bare_jobs (id uuid PRIMARY KEY, kind text NOT NULL, input jsonb NOT NULL,"
    " status text NOT NULL DEFAULT 'pending', created_at timestamptz NOT NULL DEFAULT now())"
)
INSERT = "INSERT INTO bare_jobs (id, kind, input) VALUES ($1, $2, $3)"
# as many as the API keeps
CONNECTIONS = 20


class NewJob(BaseModel):
    kind: str
    input: dict[str, Any]


class Accepted(BaseModel):
    id: UUID
    status: str = "pending"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    url = os.environ["DATABASE_URL"]
    async with asyncpg.create_pool(url, min_size=1, max_size=CONNECTIONS) as pool:
        app.state.pool = pool
        yield


app = FastAPI(openapi_url=None, lifespan=lifespan)


@app.post("/v1/jobs", status_code=202)
async def create(request: Request, job: NewJob) -> Accepted:
    accepted = Accepted(id=uuid4())
    await request.app.state.pool.execute(INSERT, accepted.id, job.kind, json.dumps(job.input))
    return accepted


@app.get("/readyz")
async def ready() -> dict[str, str]:
    return {}
