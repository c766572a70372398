"""Where the GPU of a lane is, and which lane an idle installation takes."""

import pytest

from jobs.db.session import Database
from jobs.errors import Misconfigured
from jobs.lanes import choice, hosts
from jobs.settings import LaneSettings
from tests.factories import execute


def settings(addresses: str) -> LaneSettings:
    return LaneSettings(comfyui_hosts=addresses, _env_file=None)


def test_the_number_of_a_lane_is_the_place_of_its_host() -> None:
    two = settings("one:8188, two:8189 ,")
    assert [hosts.host_of(queue, two) for queue in ("gpu-0", "gpu-1")] == ["one:8188", "two:8189"]


def test_a_lane_without_a_host_is_named() -> None:
    with pytest.raises(Misconfigured, match="gpu-2 needs 3 hosts in COMFYUI_HOSTS, which has 2"):
        hosts.host_of("gpu-2", settings("one:1,two:2"))


@pytest.mark.parametrize("queue", ["gpu-", "gpu-x", "gpu--1", "gpu-1.5", "gpu-²"])
def test_a_queue_that_only_looks_like_a_lane_is_named(queue: str) -> None:
    """`--queues=gpu-x` is a slip of an operator, who is told so instead of shown a traceback (or given another GPU)."""
    with pytest.raises(Misconfigured, match=queue):
        hosts.host_of(queue, settings("one:1,two:2"))


async def chosen(database: Database, addresses: str) -> str:
    async with database.transaction() as connection:
        return (await choice.choose(connection, settings(addresses), None)).queue


async def test_the_first_of_equals(database: Database) -> None:
    assert await chosen(database, "one:1,two:2,three:3") == "gpu-0"
    assert await chosen(database, ",".join(f"host:{number}" for number in range(12))) == "gpu-0"


async def test_the_one_with_the_least_to_do(database: Database) -> None:
    jobs = [("gpu-0", "pending"), ("gpu-0", "processing"), ("gpu-1", "pending"), *[("gpu-2", "completed")] * 5]
    values = ", ".join(f"('k', 'o', '{queue}', '{status}')" for queue, status in jobs)
    await execute(database, f"INSERT INTO jobs (kind, owner, queue, status) VALUES {values}")
    assert await chosen(database, "one:1,two:2,three:3") == "gpu-2"
    assert await chosen(database, "one:1,two:2") == "gpu-1"
    assert await chosen(database, "one:1") == "gpu-0"


async def test_no_lane_is_a_sentence(database: Database) -> None:
    with pytest.raises(Misconfigured, match="Set COMFYUI_HOSTS"):
        await chosen(database, " , ")
