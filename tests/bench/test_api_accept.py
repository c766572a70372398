"""The arithmetic of the bench for acceptance: what it tells of a load, and what it takes for lost."""

import json

import pytest

from bench.api_accept import amiss
from bench.api_load import Run, told


def run_of(*answers: tuple[int, bytes], seconds: list[float]) -> Run:
    return Run("pg_key", False, 0.0, 2.0, seconds=seconds, answers=list(answers))


def accepted(job_id: str) -> tuple[int, bytes]:
    return 202, json.dumps({"id": job_id, "status": "pending"}).encode()


def test_a_load_counts_what_was_answered_between_warm_up_and_end() -> None:
    load = told(run_of(accepted("a"), accepted("b"), accepted("c"), seconds=[0.010, 0.030]), seconds=2.0, cpu=0.5)
    assert (load.rate, load.p50, load.p99, load.cpu) == (1.0, 0.010, 0.030, 0.5)
    # the third one was the warm-up's; its job must be found as well
    assert load.ids == ["a", "b", "c"]
    assert load.statuses == {"202": 3}


def test_a_refusal_is_told_in_the_servers_words() -> None:
    load = told(run_of(accepted("a"), (429, b'{"code":"rate_limited"}'), seconds=[0.01]), seconds=1.0, cpu=0.0)
    assert load.statuses == {"202": 1, "429": 1}
    assert load.refusal == '{"code":"rate_limited"}'
    assert load.ids == ["a"]


@pytest.mark.parametrize(
    ("ids", "stored", "words"),
    [
        (["a", "b"], {"a": True, "b": True}, ""),
        (["a", "b"], {"a": True}, "1 without a row"),
        (["a", "b"], {"a": True, "b": False}, "1 without a ticket"),
        (["a"], {"a": True, "b": True}, "1 row(s) that no 202 told of"),
        (["a", "a", "b"], {"a": True, "b": True}, "1 job(s) named in two answers"),
        (["a", "b"], {"c": False}, "2 without a row, 1 without a ticket, 1 row(s) that no 202 told of"),
    ],
)
def test_every_202_needs_a_row_and_a_ticket(ids: list[str], stored: dict[str, bool], words: str) -> None:
    assert amiss(ids, stored) == words
