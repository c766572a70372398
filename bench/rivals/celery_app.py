"""Celery at the durability that ours has: acknowledged after the work, and the result committed to PostgreSQL in it."""

import http.client
import importlib
import json
import os
import threading
from typing import Any

import psycopg

celery = importlib.import_module("celery")

app = celery.Celery("bench", broker=f"redis://127.0.0.1:{os.environ['REDIS_PORT']}/0")
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
)

INSERT = b"INSERT INTO results (job_id, reply) VALUES (%s, %s) ON CONFLICT DO NOTHING"


class Open(threading.local):
    """Each process or thread of the worker keeps its connections."""

    def __init__(self) -> None:
        self.database: psycopg.Connection[Any] = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        self.model = http.client.HTTPConnection("127.0.0.1", int(os.environ["LLM_PORT"]))


# made by the first task of a process, after the fork
opened: list[Open] = []
opening = threading.Lock()


@app.task(name="reply")  # type: ignore[untyped-decorator,unused-ignore]  # Celery has no types
def reply(job_id: str, user_message: str) -> None:
    with opening:
        if not opened:
            opened.append(Open())
    connections = opened[0]
    request = {"model": "scripted", "messages": [{"role": "user", "content": user_message}]}
    connections.model.request("POST", "/v1/chat/completions", json.dumps(request), {"Content-Type": "application/json"})
    answer = json.loads(connections.model.getresponse().read())
    text = answer["choices"][0]["message"]["content"]
    connections.database.execute(INSERT, (job_id, text))
