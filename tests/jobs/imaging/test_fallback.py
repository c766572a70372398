"""Several providers: who draws, who is asked next, and what nobody else is asked after a refusal."""

import pytest

from jobs import housekeeping
from jobs.db.gpu import lanes as lane_rows
from jobs.db.session import Database
from jobs.imaging.fallback import TO_A_LANE
from jobs.lanes.gates import Gates
from jobs.settings import ImageSettings, load
from sandbox.llm.faults import Hang, Refusal
from sandbox.replicate import throttled
from sandbox.replicate_state import Outcome
from tests.factories import chat_texts, execute, rows, unwatched_lane, value
from tests.jobs.guard.fleet import seen
from tests.jobs.imaging.studio import opened_studio

BUSY = Refusal(503, {"detail": "busy"})
LANE_UP = (
    "INSERT INTO lanes (queue, host, healthy) VALUES ('gpu-0', '127.0.0.1:9', true)"
    " ON CONFLICT (queue) DO UPDATE SET healthy = true"
)
LANE_DOWN = LANE_UP.replace("true", "false")
CLOSED = "UPDATE providers SET open_until = NULL, cool_until = NULL, failures = 0"


async def shut(database: Database, name: str) -> None:
    """Its breaker is open for a minute."""
    await execute(
        database,
        f"INSERT INTO providers (name, open_until) VALUES ('{name}', now() + interval '1 minute')"
        " ON CONFLICT (name) DO UPDATE SET open_until = excluded.open_until",
    )


@pytest.mark.parametrize(
    ("fault", "asked"),
    [
        (BUSY, 2),
        (Refusal(*throttled(30)), 1),
        (Refusal(402, {"detail": "no credit"}), 1),
        (Refusal(401, {"detail": "bad token"}), 1),
    ],
    ids=["down", "throttled", "no credit", "bad token"],
)
async def test_the_next_one_draws_when_the_first_is_away(database: Database, fault: Refusal, asked: int) -> None:
    async with opened_studio(database, names="replicate,local", pushes=False) as studio:
        studio.replicate.create.order(fault, fault)
        made = [await studio.order(seed=seed) for seed in (1, 2)]
        await studio.work()
        for each in made:
            done = await studio.now(each)
            assert (done.status, done.failures) == ("completed", 0)
        assert len(studio.replicate.create.requests) == asked, "the fleet has learnt it"
        assert studio.replicate.orders == []
        assert len(studio.local.txt2img.requests) == 2
        logged = await rows(database, "SELECT provider, outcome FROM provider_calls ORDER BY id LIMIT 2")
        assert [row["provider"] for row in logged] == ["replicate", "local"]
        assert logged[1]["outcome"] == "success"


async def test_blocked_content_is_shown_to_nobody_else(database: Database) -> None:
    async with opened_studio(database, names="replicate,local", pushes=False) as studio:
        studio.replicate.studio.next_outcome = Outcome("failed", "NSFW content detected")
        ordered = await studio.order(seed=1)
        await studio.work()
        studio.replicate.create.order(Refusal(422, {"detail": "flagged by our content policy"}))
        refused = await studio.order(seed=2)
        studio.replicate.create.order(Refusal(422, {"detail": "- input.seed: must be smaller"}))
        wrong = await studio.order(seed=3)
        await studio.work()
        codes = [((await studio.now(each)).error or {}).get("code") for each in (ordered, refused, wrong)]
        assert codes == ["content_blocked", "content_blocked", "image_provider_rejected"]
        assert studio.local.txt2img.requests == []
        assert (await seen(database, "replicate")).failures_in_a_row == 0


async def test_when_all_are_away_the_job_waits_and_spends_no_try(database: Database) -> None:
    async with opened_studio(database, names="replicate,local", pushes=False) as studio:
        for name in ("replicate", "local"):
            await shut(database, name)
        made = await studio.order()
        for _ in range(6):
            await studio.work()
            waiting = await studio.now(made)
            assert (waiting.status, waiting.failures, waiting.attempt) == ("processing", 0, 0)
            assert 30 < await studio.due_in(made) < 100, "until one of them is tried again"
            await studio.later()
        assert studio.replicate.create.requests == studio.local.txt2img.requests == []
        await execute(database, CLOSED)
        await studio.work()
        assert (await studio.now(made)).status == "completed"


async def test_an_order_that_may_have_been_taken_is_placed_nowhere_else_while_that_can_be_told(
    database: Database,
) -> None:
    async with opened_studio(database, names="replicate,local", pushes=False) as studio:
        provider = studio.resources.image_providers[0]
        provider.answer_seconds, provider.held_seconds = 0.2, 0  # type: ignore[attr-defined]  # it is Replicate
        studio.replicate.create.order(Hang())
        made = await studio.order()
        await studio.work()
        assert studio.local.txt2img.requests == []
        studio.replicate.listing.order(BUSY)
        await studio.later()
        await studio.work()
        assert studio.local.txt2img.requests == []
        await studio.later()
        await studio.work()
        assert (await studio.now(made)).status == "completed", "it was not taken, and so it may be placed elsewhere"
        assert (len(studio.local.txt2img.requests), len(studio.replicate.orders)) == (1, 0)


async def test_the_first_usable_one_decides_the_queue(database: Database) -> None:
    async with opened_studio(database, names="comfyui,replicate") as studio:
        assert (await studio.order(seed=1)).queue == "gpu-0"
        await execute(database, LANE_DOWN)
        made = await studio.order(seed=2)
        assert made.queue == "image"
        assert await chat_texts(database) == [], "somebody draws"
        studio.resources.intake.images = ImageSettings(image_providers="replicate,comfyui", _env_file=None)
        await execute(database, LANE_UP)
        assert (await studio.order(seed=3)).queue == "image"
        await shut(database, "replicate")
        assert (await studio.order(seed=4)).queue == "gpu-0", "it takes work, and replicate does not"
        await execute(database, LANE_DOWN)
        assert (await studio.order(seed=5)).queue == "image", "the first to come back will draw it"


async def test_a_job_goes_to_a_lane_when_no_remote_provider_draws_it(database: Database) -> None:
    async with opened_studio(database, names="replicate,comfyui") as studio:
        await execute(database, LANE_UP)
        studio.replicate.create.order(Refusal(402, {"detail": "no credit"}))
        made = await studio.order()
        await studio.work()
        moved = await studio.now(made)
        assert (moved.queue, moved.failures, moved.setbacks) == ("gpu-0", 0, {"no_image_provider": 1})
        assert await studio.due_in(made) < 1
        assert TO_A_LANE > 1
        assert (await seen(database, "replicate")).state == "open"


async def test_what_waits_for_lanes_that_all_die_is_drawn_remotely(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_PROVIDERS", "comfyui,replicate")
    assert load(ImageSettings).remote == ["replicate"]
    async with opened_studio(database, names="comfyui,replicate", pushes=False) as studio:
        async with database.transaction() as connection:
            await lane_rows.register(connection, "gpu-0", "127.0.0.1:9")
        made = [await studio.order(seed=seed, owner=f"telegram:{seed}") for seed in (1, 2)]
        assert [each.queue for each in made] == ["gpu-0", "gpu-0"]
        async with unwatched_lane("gpu-0", "127.0.0.1:9", database, Gates(), otherwise="image") as lane:
            await lane.health._write_down()
        for each in made:
            now = await studio.now(each)
            assert (now.queue, now.turn) == ("image", 1), "the next turn there, as it was in the lane"
        assert await chat_texts(database) == [], "nobody needs to be told"
        assert await value(database, "SELECT count(*) FROM job_events WHERE type = 'job.moved'") == 2
        await studio.work()
        assert [(await studio.now(each)).status for each in made] == ["completed", "completed"]


async def test_what_waits_for_a_lane_without_a_worker_is_drawn_remotely_if_somebody_serves_that(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_PROVIDERS", "comfyui,replicate")
    async with opened_studio(database, names="comfyui,replicate") as studio:
        await execute(database, LANE_UP)
        made = await studio.order()
        await housekeeping.move_unserved(database)
        assert (await studio.now(made)).queue == "gpu-0", "nobody is there"
        await execute(
            database,
            "INSERT INTO procrastinate_workers (id) OVERRIDING SYSTEM VALUE VALUES (5)",
            "INSERT INTO workers (id, name, host, pid, queues) VALUES (5, 'w', 'here', 1, '{image}')",
        )
        await housekeeping.move_unserved(database)
        assert (await studio.now(made)).queue == "image"
