"""Idempotency-Key: repeating a request gives the first answer again, and nothing is made twice."""

import asyncio

from jobs.db.work import idempotency
from tests.api.opened_api import ANNA, Api, client, new_key, opened_api
from tests.api.test_jobs_accept import PICTURE, REPLY, Json
from tests.factories import all_jobs, execute, rows, tickets, value

KEY = {"Idempotency-Key": "order-17"}


async def test_repeated_it_gives_the_first_answer_again(api: Api) -> None:
    first = await api.anna.post("/v1/jobs", json=REPLY, headers=KEY)
    await api.anna.post(f"/v1/jobs/{first.json()['id']}/cancel")
    # the same words in another order, and the key quoted as the draft has it
    again = await api.anna.post(
        "/v1/jobs", json=dict(reversed(REPLY.items())), headers={"Idempotency-Key": '"order-17"'}
    )
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(await all_jobs(api.database)) == 1


async def test_another_request_with_the_key_is_a_mistake(api: Api) -> None:
    await api.anna.post("/v1/jobs", json=REPLY, headers=KEY)
    for body, query in ((PICTURE, ""), ({**REPLY, "priority": 1}, ""), (REPLY, "?dry_run=false")):
        answer = await api.anna.post(f"/v1/jobs{query}", json=body, headers=KEY)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert len(await all_jobs(api.database)) == 1


async def test_keys_of_two_owners_have_nothing_to_do_with_each_other(api: Api) -> None:
    mine, theirs = [await each.post("/v1/jobs", json=REPLY, headers=KEY) for each in (api.anna, api.boris)]
    assert (mine.status_code, theirs.status_code) == (202, 202)
    assert mine.json()["id"] != theirs.json()["id"]


async def test_while_the_first_is_being_served_the_second_is_told_so(api: Api) -> None:
    async with api.database.transaction() as first:
        assert await idempotency.lock(first, ANNA, "order-17")
        answer = await api.anna.post("/v1/jobs", json=REPLY, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_in_use")
    assert (await api.anna.post("/v1/jobs", json=REPLY, headers=KEY)).status_code == 202


async def test_a_storm_of_repetitions_in_two_processes_makes_one_job(database_url: str) -> None:
    async with opened_api(database_url) as api, opened_api(database_url) as other:
        other.anna.headers["Authorization"] = api.anna.headers["Authorization"]
        answers = await asyncio.gather(
            *(each.post("/v1/jobs", json=REPLY, headers=KEY) for each in [api.anna, other.anna] * 10)
        )
        assert {answer.status_code for answer in answers} <= {202, 409}
        assert len({answer.json()["id"] for answer in answers if answer.status_code == 202}) == 1
        assert len(await all_jobs(api.database)) == len(await tickets(api.database)) == 1


async def test_what_is_refused_leaves_the_key_free(api: Api) -> None:
    wrong: Json = {**REPLY, "input": {**REPLY["input"], "persona": "nobody"}}
    for body in ({**REPLY, "priority": 99}, wrong):
        assert (await api.anna.post("/v1/jobs", json=body, headers=KEY)).status_code == 422
    assert await rows(api.database, "SELECT key FROM idempotency_records") == []
    assert (await api.anna.post("/v1/jobs", json=REPLY, headers=KEY)).status_code == 202


async def test_record_job_and_ticket_come_together_or_not_at_all(api: Api) -> None:
    await execute(
        api.database,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON idempotency_records FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    async with client(api.app, await new_key(api.database, ANNA), raise_app_exceptions=False) as http:
        answer = await http.post("/v1/jobs", json=REPLY, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert await all_jobs(api.database) == []
    assert await tickets(api.database) == []


async def test_after_a_day_the_key_is_new_again(api: Api) -> None:
    await api.anna.post("/v1/jobs", json=REPLY, headers=KEY)
    await execute(api.database, "UPDATE idempotency_records SET created_at = now() - interval '25 hours'")
    other = await api.anna.post("/v1/jobs", json=PICTURE, headers=KEY)
    assert other.status_code == 202
    assert "Idempotent-Replayed" not in other.headers
    again = await api.anna.post("/v1/jobs", json=PICTURE, headers=KEY)
    assert again.json() == other.json()
    assert await value(api.database, "SELECT count(*) FROM idempotency_records") == 1


async def test_keys_that_cannot_be_one(api: Api) -> None:
    for key in ("", '""', "x" * 256):
        answer = await api.anna.post("/v1/jobs", json=REPLY, headers={"Idempotency-Key": key})
        assert answer.status_code == 422, key
        assert answer.json()["errors"][0]["parameter"].lower() == "idempotency-key"
    assert await all_jobs(api.database) == []
