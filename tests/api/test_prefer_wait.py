"""Prefer: wait: the answer is held until the job has ended, woken by the database and not by asking again."""

import asyncio

import pytest

from api.requests.prefer import wait_seconds
from tests.api.opened_api import Api
from tests.api.test_jobs_accept import REPLY
from tests.api.test_jobs_read import ask, end
from tests.factories import all_jobs


async def made(api: Api) -> str:
    """The id of the first job, as soon as it is there."""
    while not (found := await all_jobs(api.database)):  # noqa: ASYNC110 - another task makes it
        await asyncio.sleep(0.01)
    return str(found[0].id)


async def test_the_answer_is_the_finished_job(api: Api) -> None:
    waiting = asyncio.create_task(api.anna.post("/v1/jobs", json=REPLY, headers={"Prefer": "wait=60"}))
    await end(api, await made(api), "completed", result={"reply": "Hello"})
    answer = await waiting
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["result"]) == ("completed", {"reply": "Hello"})
    assert answer.headers["Preference-Applied"] == "wait=60"


async def test_a_job_that_takes_longer_is_answered_as_accepted(api: Api) -> None:
    answer = await api.anna.post("/v1/jobs", json=REPLY, headers={"Prefer": "respond-async, wait=1"})
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert answer.headers["Preference-Applied"] == "wait=1"
    assert answer.headers["Location"] == answer.json()["urls"]["self"]


async def test_reading_can_wait_as_well(api: Api) -> None:
    accepted = await ask(api)
    waiting = asyncio.create_task(api.anna.get(accepted["urls"]["self"], headers={"Prefer": "wait=60"}))
    await asyncio.sleep(0)
    await end(api, accepted["id"], "failed", error={"code": "x", "detail": "x", "blame": "client", "retryable": False})
    assert (await waiting).json()["status"] == "failed"
    ended = await api.anna.get(accepted["urls"]["self"], headers={"Prefer": "wait=60"})
    assert ended.json()["status"] == "failed"


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (["wait=5"], 5), (["respond-async, wait=5"], 5), (["respond-async", "Wait = 5"], 5), (['wait="5"'], 5),
        (["wait=5;strict"], 5), (["wait=999"], 60), (["wait=0"], 0), (["wait"], 0), (["wait=-1"], 0), (["wait=x"], 0),
        ([], 0), (["handling=lenient"], 0), (["wait=99999999999999999999"], 0),
    ],
)  # fmt: skip
def test_preferences(prefer: list[str], seconds: int) -> None:
    from starlette.requests import Request

    headers = [(b"prefer", line.encode()) for line in prefer]
    assert wait_seconds(Request({"type": "http", "headers": headers})) == seconds
