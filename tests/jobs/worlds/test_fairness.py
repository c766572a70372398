"""Two worlds of two owners share the workers evenly, however much one of them has waiting."""

from pathlib import Path

from jobs.db.session import Database
from tests.factories import job
from tests.jobs.worlds.creation import creating

FIRST, SECOND = "key:anna", "key:boris"


async def test_a_small_world_of_another_owner_is_not_held_up_by_a_large_one(database: Database, tmp_path: Path) -> None:
    async with creating(database, tmp_path) as creation:
        await creation.ask(users=3, posts=36, owner=FIRST)
        # until the large one's posts wait, all of them, in its own turns; one by one, or a post could begin before the
        # last batch is planned
        await creation.work(most=9, at_once=1, queue="world")
        assert len(await creation.tickets("world")) == 36
        await creation.ask(users=2, posts=6, owner=SECOND)
        ran = await creation.work(most=32, at_once=2, queue="world")
        owners = [(await job(database, each)).owner for each in ran]
    last = len(owners) - owners[::-1].index(SECOND)
    shares = owners[:last]
    assert shares.count(SECOND) == 1 + 1 + 1 + 2 + 2 + 6, "the whole small world"
    assert shares[:12].count(SECOND) >= 5, "from the beginning"
    assert abs(shares.count(FIRST) - shares.count(SECOND)) <= 6, "and the large one went on meanwhile"
