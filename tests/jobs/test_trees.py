"""A tree of jobs: what its root says, whatever becomes of its steps and in whatever order they end."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs import lifecycle
from jobs.db.session import Database
from jobs.endings import expire_overdue
from jobs.errors import Conflict
from jobs.settings import LaneSettings, MediaSettings
from jobs.submit import Intake
from jobs.trees import looking
from jobs.trees.telling import TreeProgress
from tests.factories import add_user, chat_texts, execute, rows, to_chat, value, worker
from tests.jobs.companion.purses import economy
from tests.jobs.growing import RUNS, Garden, Plan, registered


@pytest.fixture
async def garden(database: Database) -> AsyncIterator[Garden]:
    await execute(database, RUNS)
    with registered():
        async with worker(database) as resources:
            yield Garden(resources)


def leaf(name: str, **more: Any) -> Plan:
    return Plan(name=name, **more)


async def events(garden: Garden, job: Any) -> list[str]:
    found = await rows(garden.database, "SELECT type FROM job_events WHERE job_id = :id ORDER BY seq", id=job.id)
    return [each["type"].removeprefix("job.") for each in found]


async def test_a_root_goes_on_until_its_last_step_has_ended(garden: Garden) -> None:
    middle = leaf("b", stage="inner", children=[leaf("c", stage="leaves"), leaf("d", stage="leaves")])
    root = await garden.plant(Plan(children=[leaf("a", stage="inner"), middle]), priority=3, metadata={"mine": 1})
    await garden.run_off(most=1)
    waiting = await garden.look(root)
    assert (waiting.status, waiting.waits_for_steps, waiting.finished_at) == ("processing", True, None)
    assert waiting.progress["done"] == 0
    assert (waiting.progress["total"], waiting.progress["stage"]) == (2, "inner")
    await lifecycle.run_job(garden.resources, root.id)
    assert await garden.look(root) == waiting, "its own run is over, and a second ticket runs nothing"
    await garden.run_off(most=2)
    assert (await garden.look(root)).status == "processing"
    await garden.run_off()
    done, steps = await garden.look(root), await garden.steps(root)
    assert (done.status, done.partial, done.error, done.result) == ("completed", False, None, {"name": "root"})
    assert done.usage == {"steps": 5}
    assert done.progress == {
        "done": 4, "total": 4, "stage": "leaves", "missing": [],
        "stages": [
            {"stage": "inner", "planned": 2, "done": 2, "failed": 0},
            {"stage": "leaves", "planned": 2, "done": 2, "failed": 0},
        ],
    }  # fmt: skip
    assert list(steps) == ["a", "b", "c", "d"]
    assert {step.owner for step in steps.values()} == {root.owner}
    assert {step.priority for step in steps.values()} == {3}
    assert (steps["c"].parent_id, steps["c"].root_id) == (steps["b"].id, root.id)
    assert await garden.runs() == ["a", "b", "c", "d", "root"]
    assert await events(garden, root) == ["created", "started", "progress", "completed"]
    assert await events(garden, steps["a"]) == ["created", "started", "completed"]


async def test_a_failed_step_leaves_the_rest_going_and_a_list_of_what_is_missing(garden: Garden) -> None:
    plan = Plan(children=[leaf("a", stage="pictures", does="fail"), leaf("b", stage="pictures"), leaf("c")])
    root = await garden.plant(plan)
    await garden.run_off()
    done, steps = await garden.look(root), await garden.steps(root)
    assert (done.status, done.partial, done.error) == ("completed", True, None)
    assert done.progress["missing"] == [
        {"stage": "pictures", "count": 1, "jobs": [str(steps["a"].id)], "error": steps["a"].error}
    ]
    assert done.usage == {"steps": 4}
    [told] = await rows(
        garden.database, "SELECT data FROM job_events WHERE type = 'job.completed' AND job_id = :id", id=root.id
    )
    assert told["data"] == {"partial": True, "missing": done.progress["missing"]}


async def test_a_failed_critical_step_closes_its_branch_and_fails_the_root_only_if_it_reaches_it(
    garden: Garden,
) -> None:
    broken = leaf("p", children=[leaf("bad", critical=True, does="fail"), *(leaf(f"s{each}") for each in range(5))])
    root = await garden.plant(Plan(children=[broken, leaf("q")]))
    await garden.run_off(at_once=1, most=4)
    steps = await garden.steps(root)
    closed = {name: job for name, job in steps.items() if name.startswith("s")}
    assert {job.status for job in closed.values()} == {"cancelled"}
    assert {job.error["code"] for job in closed.values() if job.error} == {"branch_failed"}
    assert all(job.error and job.error["cause"] == str(steps["bad"].id) for job in closed.values())
    assert await garden.tickets() == {}, "what was closed waits for nobody"
    done = await garden.look(root)
    assert (done.status, done.partial) == ("completed", True), "what went wrong below p is no reason for q"

    fatal = Plan(
        children=[leaf("p", critical=True, children=broken.children), *(leaf(f"r{each}") for each in range(9))]
    )
    root = await garden.plant(fatal)
    await garden.run_off(at_once=20)
    done = await garden.look(root)
    assert (done.status, done.partial, done.result) == ("failed", False, {"name": "root"})
    assert done.error
    assert done.error["detail"] == "bad failed as planned."


async def test_nothing_went_well_and_some_of_it_had_to(garden: Garden) -> None:
    root = await garden.plant(Plan(children=[leaf("p", children=[leaf("bad", critical=True, does="fail")])]))
    await garden.run_off()
    done = await garden.look(root)
    assert (done.status, (done.error or {})["detail"]) == ("failed", "bad failed as planned.")


async def test_cancel_takes_what_hangs_below_and_stops_what_runs(garden: Garden) -> None:
    slow = leaf("slow", seconds=60)
    root = await garden.plant(
        Plan(children=[leaf("p", children=[slow, *(leaf(f"s{i}") for i in range(3))]), leaf("q")])
    )
    await garden.run_off(at_once=1, most=3)
    steps = await garden.steps(root)
    running = await garden.begin(steps["slow"])
    assert (await garden.cancel(steps["p"])).status == "completed"
    steps = await garden.steps(root)
    assert [steps[name].status for name in ("s0", "s1", "s2", "slow")] == ["cancelled"] * 3 + ["processing"]
    assert (await garden.look(root)).status == "processing", "one of its steps still runs"
    running.cancel()  # as the engine does, told by the ticket
    await running
    assert (await garden.look(steps["slow"])).status == "cancelled"
    done = await garden.look(root)
    assert (done.status, done.partial) == ("completed", True), "q is there"

    root = await garden.plant(Plan(children=[leaf("a"), leaf("b", children=[leaf("c")]), leaf("d")]))
    await garden.run_off(at_once=1, most=3)
    assert (await garden.cancel(root)).status == "cancelled", "nothing of it runs, so it ends at once"
    assert {name: step.status for name, step in (await garden.steps(root)).items()} == {
        "a": "completed", "b": "completed", "c": "cancelled", "d": "cancelled",
    }  # fmt: skip
    assert (await events(garden, root))[-2:] == ["cancelling", "cancelled"]


async def test_children_of_a_job_that_is_being_cancelled_are_not_begun(garden: Garden) -> None:
    for critical in (False, True):
        root = await garden.plant(Plan(children=[leaf("p", critical=critical, seconds=0.2, children=[leaf("c")])]))
        await garden.run_off(most=1)
        [p] = (await garden.steps(root)).values()
        running = await garden.begin(p)
        await garden.cancel(p)
        await running  # nobody interrupts it: it comes to its end, and finds that it is not wanted
        assert list(await garden.steps(root)) == ["p"]
        assert (await garden.look(p)).status == "cancelled"
        done = await garden.look(root)
        assert (done.status, done.partial) == (("cancelled", False) if critical else ("completed", True))


async def test_a_retry_runs_the_failed_branches_again_and_nothing_else(garden: Garden) -> None:
    bad = leaf("bad", critical=True, does="fail", heals=True)
    plan = Plan(
        children=[leaf("p", children=[bad, leaf("s", children=[leaf("t")])]), leaf("q"), leaf("x", does="fail")]
    )
    root = await garden.plant(plan)
    await garden.run_off(at_once=1)
    assert (await garden.look(root)).partial
    before = await garden.steps(root)
    assert before["s"].status == "cancelled"

    assert (await garden.retry(before["bad"])).status == "pending"
    reopened = await garden.look(root)
    assert (reopened.status, reopened.partial, reopened.retries) == ("processing", False, 1)
    assert reopened.usage == {"steps": 1}, "its own: what the steps cost is added when it ends"
    await garden.run_off()
    done, steps = await garden.look(root), await garden.steps(root)
    assert (done.status, done.partial) == ("completed", True), "x was not meant"
    assert [steps[name].status for name in ("bad", "s", "t", "x")] == ["completed"] * 3 + ["failed"]
    assert done.usage == {"steps": 8}, "bad was run twice"
    assert await garden.runs() == ["bad", "p", "q", "root", "s", "t"], "what was there is not done again"

    for _ in range(2):
        assert (await garden.retry(root)).status == "processing"
        assert list((await garden.tickets()).values()) == [steps["x"].id]
        await garden.run_off()
        assert ((await garden.look(root)).status, (await garden.look(root)).partial) == ("completed", True)
    with pytest.raises(Conflict):
        await garden.retry(steps["q"])
    whole = await garden.plant(Plan(children=[leaf("a")]))
    await garden.run_off()
    for job in (whole, (await garden.steps(whole))["a"]):
        with pytest.raises(Conflict):
            await garden.retry(job)


async def test_a_cancelled_tree_can_be_gone_on_with(garden: Garden) -> None:
    root = await garden.plant(Plan(children=[leaf("a"), leaf("b", critical=True, children=[leaf("c")])]))
    await garden.run_off(at_once=1, most=2)
    await garden.cancel(root)
    assert (await garden.look(root)).status == "cancelled"
    await garden.retry(root)
    await garden.run_off()
    done = await garden.look(root)
    assert (done.status, done.partial, done.usage) == ("completed", False, {"steps": 4})


async def test_the_deadline_of_a_root_ends_its_tree(garden: Garden) -> None:
    root = await garden.plant(
        Plan(children=[leaf("a"), leaf("b"), leaf("c")]), deadline=datetime.now(UTC) + timedelta(hours=1)
    )
    await garden.run_off(at_once=1, most=2)
    assert {step.deadline for step in (await garden.steps(root)).values()} == {root.deadline}
    await execute(garden.database, f"UPDATE jobs SET deadline = now() - interval '1 second' WHERE id = '{root.id}'")
    await looking.sweep(garden.resources)
    done, steps = await garden.look(root), await garden.steps(root)
    assert (done.status, (done.error or {})["code"]) == ("expired", "deadline_passed")
    assert [step.status for step in steps.values()] == ["completed", "expired", "expired"]

    root = await garden.plant(Plan(children=[leaf("a", critical=True), leaf("b")]))
    await garden.run_off(most=1)
    await execute(garden.database, "UPDATE jobs SET deadline = now() - interval '1 second' WHERE input->>'name' = 'a'")
    await expire_overdue(garden.resources)
    await garden.run_off()
    done = await garden.look(root)
    assert (done.status, (done.error or {})["code"]) == ("failed", "deadline_passed")


async def test_a_worker_that_died_right_after_the_last_step_leaves_nothing_pending(
    garden: Garden, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> None:
        pass

    monkeypatch.setattr("jobs.endings.look_after", dies)
    whole = await garden.plant(Plan(children=[leaf("a"), leaf("b")]))
    fatal = await garden.plant(Plan(children=[leaf("bad", critical=True, does="fail"), leaf("slow"), leaf("slower")]))
    await garden.run_off(at_once=1, most=2 + 3)
    assert [(await garden.look(root)).status for root in (whole, fatal)] == ["processing", "processing"]
    monkeypatch.undo()
    await looking.sweep(garden.resources)
    assert [(await garden.look(root)).status for root in (whole, fatal)] == ["completed", "failed"]
    assert await garden.tickets() == {}


async def test_progress_is_told_now_and_then_and_never_by_the_steps_themselves(garden: Garden) -> None:
    root = await garden.plant(Plan(children=[leaf(f"s{each:02}") for each in range(20)]))
    await garden.run_off(most=1)
    telling = TreeProgress(garden.database, pause=3600.0)
    resources = garden.resources
    noted = []
    object.__setattr__(resources, "tree_progress", telling)
    await garden.run_off(most=10)
    assert (await garden.look(root)).event_seq == 3
    for _ in range(3):
        await telling.tell(root.id)
        noted.append((await garden.look(root)).progress["done"])
    assert noted == [0, 0, 0], "the root said something when it began to wait, less than an hour ago"
    telling.pause = 0.0
    await asyncio.gather(*(telling.tell(root.id) for _ in range(5)))
    half = await garden.look(root)
    assert (half.progress["done"], half.progress["total"], half.event_seq) == (10, 20, 4), "one of five tells it"
    await garden.run_off()
    done = await garden.look(root)
    assert (done.status, done.progress["done"], done.event_seq) == ("completed", 20, 5)


ECONOMY = economy(diamonds_start=40, price_photo=15)


async def test_a_person_is_told_once_and_gets_back_what_was_paid_once(garden: Garden) -> None:
    async with garden.database.transaction() as connection:
        await add_user(connection)
    intake = Intake(LaneSettings(_env_file=None), MediaSettings(_env_file=None), garden.resources.personas, ECONOMY)
    garden = Garden(replace(garden.resources, intake=intake))
    picture = leaf("picture", critical=True, does="fail", heals=True, to_chat=to_chat())
    asked: dict[str, Any] = {"owner": "telegram:7", "destination": to_chat(), "metadata": {"item": "photo"}}
    root = await garden.plant(Plan(children=[picture]), **asked)
    await garden.run_off()
    assert (await garden.look(root)).status == "failed"
    [words] = await chat_texts(garden.database)
    assert words.endswith("15 💎."), words
    await garden.retry(root)
    await garden.run_off()
    assert (await garden.look(root)).status == "completed"
    assert await chat_texts(garden.database) == [words]
    query = "SELECT reason FROM wallet_entries WHERE unit = 'diamonds' ORDER BY number"
    assert [row["reason"] for row in await rows(garden.database, query)][-3:] == ["charge", "refund", "charge"]

    uncritical = Plan(children=[picture.model_copy(update={"critical": False, "heals": False})])
    root = await garden.plant(uncritical, **asked)
    await garden.run_off()
    assert (await garden.look(root)).partial
    assert [row["reason"] for row in await rows(garden.database, query)][-2:] == ["charge", "refund"], "for nothing"


async def test_hundreds_of_children_are_made_by_few_statements(garden: Garden) -> None:
    root = await garden.plant(Plan(children=[leaf(f"s{each:03}") for each in range(300)]))
    asked = "SELECT coalesce(max(id), 0) FROM procrastinate_jobs"
    before = await value(garden.database, asked)
    await garden.run_off(most=1)
    assert await value(garden.database, asked) == before + 300
    assert list(await garden.steps(root)) == [f"s{each:03}" for each in range(300)], "in the order of the kind"
    assert await value(garden.database, "SELECT count(*) FROM job_events WHERE type = 'job.created'") == 301
    await garden.cancel(root)
    assert await garden.tickets() == {}


def a_tree(dice: random.Random, risk: float, depth: int = 0, name: str = "n") -> Plan:
    count = dice.choice([0, 0, 1, 1, 2, 3]) if depth else dice.choice([2, 3])
    children = [a_tree(dice, risk, depth + 1, f"{name}{each}") for each in range(count)] if depth < 3 else []
    fails = depth > 0 and dice.random() < risk
    return Plan(
        name=name, stage=f"level {depth}", critical=dice.random() < 0.5, does="fail" if fails else "complete",
        children=children,
    )  # fmt: skip


def is_broken(plan: Plan) -> bool:
    return plan.does == "fail" or any(child.critical and is_broken(child) for child in plan.children)


def has_failed_critically(plan: Plan) -> bool:
    """Among those that are run at all: a step that failed has nothing below it."""
    below = plan.children if plan.does == "complete" else []
    return any((child.critical and child.does == "fail") or has_failed_critically(child) for child in below)


def what_the_root_must_say(plan: Plan) -> tuple[str, bool]:
    if is_broken(plan) or (all(map(is_broken, plan.children)) and has_failed_critically(plan)):
        return "failed", False
    failed = any(each.does == "fail" for each in plan.all())
    return "completed", failed


@pytest.mark.parametrize("trees", [12, pytest.param(300, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
async def test_whatever_happens_in_whatever_order_the_root_says_what_the_model_says(garden: Garden, trees: int) -> None:
    said = set()
    for seed in range(trees):
        dice = random.Random(seed)
        plan = a_tree(dice, risk=(0.0, 0.15, 0.35)[seed % 3])
        root = await garden.plant(plan)
        await garden.run_off(at_once=dice.choice([1, 3, 8]), dice=dice)
        done, steps = await garden.look(root), await garden.steps(root)
        expected = what_the_root_must_say(plan)
        assert (done.status, done.partial) == expected, (seed, plan)
        said.add(expected)
        assert not [step for step in steps.values() if step.status in ("pending", "processing")], seed
        plans = {each.name: each for each in plan.all()}
        for name, step in steps.items():
            if step.status == "completed":
                assert {child.name for child in plans[name].children} <= steps.keys(), seed
            assert step.status != "failed" or plans[name].does == "fail", seed
        if done.status == "failed":
            culprit = plans[(done.error or {})["detail"].split()[0]]
            assert (culprit.critical, culprit.does) == (True, "fail"), seed
        ran = [step for step in steps.values() if step.status != "cancelled"]
        assert done.usage == {"steps": 1 + len(ran)}, seed
        assert (await events(garden, root))[-1] == done.status
        assert done.progress["done"] == done.progress["total"] == len(steps), seed
        assert sum(each["count"] for each in done.progress["missing"]) == len(steps) - sum(
            step.status == "completed" for step in steps.values()
        )
    assert said == {("completed", False), ("completed", True), ("failed", False)}
    assert await value(garden.database, "SELECT count(*) = count(DISTINCT job_id) FROM grown")
    assert await garden.tickets() == {}
