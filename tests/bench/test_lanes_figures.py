"""The arithmetic behind the figures of the lanes, on runs whose figures are known."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.children import Child
from bench.figures import lines
from bench.lane_servers import LaneServer, read_runs
from bench.lanes import gap, judged, of_ideal, when_killed
from bench.lanes_figures import (
    Gap,
    Run,
    busy_shares,
    cut_short,
    gaps,
    ideal,
    least_loads,
    loads,
    makespan,
    rendered_twice,
)
from bench.lanes_round import Round
from bench.pictures import MODELS, OTHER_ONE, SHIPPED_ONE, make_personas, wanted
from bench.slow_telegram import Photo
from jobs.lanes.drawing import drawing_of

# two lanes; the second changes its model once and waits half a second for its last picture
RUNS = [
    Run(0, 1, started=100.0, ended=104.0, loading=3.0),
    Run(0, 3, started=104.002, ended=105.002),
    Run(1, 2, started=100.5, ended=104.5, loading=3.0),
    Run(1, 4, started=104.5, ended=108.5, loading=3.0),
    Run(1, 5, started=109.0, ended=110.0),
]


def photos(*chats: int) -> list[Photo]:
    return [Photo(chat, 1_000_000, 0.7, 120.0) for chat in chats]


def test_loading_counts_as_busy_and_waiting_does_not() -> None:
    shares = busy_shares(RUNS)
    assert shares[0] == pytest.approx(5 / 5.002)
    assert shares[1] == pytest.approx(9 / 9.5)


def test_gaps_lie_between_two_runs_of_one_lane() -> None:
    found = gaps(RUNS)
    assert [(each.lane, round(each.at, 3), round(each.seconds, 3)) for each in found] == [
        (0, 4.0, 0.002), (1, 4.5, 0.0), (1, 8.5, 0.5),
    ]  # fmt: skip
    assert found[2] == Gap(1, 8.5, 0.5)


def test_a_gap_tells_how_long_nothing_waited() -> None:
    runs = [Run(0, 1, 10.0, 11.0), Run(0, 2, 11.25, 12.0, queued=11.125), Run(0, 3, 12.5, 13.0, queued=10.0)]
    assert gaps(runs) == [Gap(0, 1.0, 0.25, empty=0.125), Gap(0, 2.0, 0.5, empty=0.0)]


def test_order_of_the_record_does_not_matter() -> None:
    assert gaps(RUNS[::-1]) == gaps(RUNS)
    assert busy_shares(RUNS[::-1]) == busy_shares(RUNS)


@pytest.mark.parametrize(("models", "lanes", "least"), [(2, 2, 2), (1, 2, 2), (5, 2, 5), (1, 1, 1)])
def test_least_loads(models: int, lanes: int, least: int) -> None:
    assert least_loads(models, lanes) == least


def test_ideal_is_all_rendering_and_the_least_loading_spread_evenly() -> None:
    assert loads(RUNS) == 3
    assert makespan(RUNS) == pytest.approx(10.0)
    assert ideal(RUNS, models=2, lanes=2, load_seconds=3.0) == pytest.approx((5 * 1.0 + 2 * 3.0) / 2)
    assert of_ideal(Round(RUNS, photos(1, 2, 3, 4, 5), 0, None)) == pytest.approx(10 / 5.5)


def test_a_picture_rendered_twice_makes_the_ideal_no_longer() -> None:
    again = [*RUNS, Run(0, 1, started=106.0, ended=107.0), Run(0, 9, 107.0, 107.4, completed=False)]
    assert ideal(again, models=2, lanes=2, load_seconds=3.0) == ideal(RUNS, models=2, lanes=2, load_seconds=3.0)
    assert rendered_twice(again) == [RUNS[0]]
    assert cut_short(again) == [again[-1]]


def test_what_was_cut_short_and_begun_anew_was_not_rendered_twice() -> None:
    runs = [Run(1, 7, 100.0, 100.4, completed=False), Run(0, 7, 101.0, 102.0)]
    assert rendered_twice(runs) == []


def test_targets_are_judged() -> None:
    good = [
        Run(lane, 10 * lane + n, 4.002 * n, 4.002 * n + 4, 3.0 if n == 0 else 0.0) for lane in (0, 1) for n in (0, 1)
    ]
    verdicts = {figure.name: figure.met for figure in judged([Round(good, [], 0, None)])}
    assert list(verdicts.values()) == [True, True, None, True, True]
    verdicts = {figure.name: figure.met for figure in judged([Round(RUNS, [], 0, None)])}
    assert list(verdicts.values()) == [False, True, None, True, False]
    assert gap(1.0)(Round(RUNS, [], 0, None)) == pytest.approx(0.5)


def test_a_killed_lane_may_lose_a_picture_that_it_had_finished_but_nothing_else_is_rendered_twice() -> None:
    lost = [Run(1, 1, 0.0, 1.0), Run(1, 2, 1.0, 1.2, completed=False), Run(0, 1, 2.0, 3.0), Run(0, 2, 3.0, 4.0)]
    [figure] = when_killed("ours", Round(lost, photos(1, 2), 0, killed_at=1.2))
    assert figure.met
    assert "0 sent twice; 1 cut short by the kill and begun anew, 1 finished but lost with the server" in figure.how
    wasted = [*lost, Run(0, 1, 4.0, 5.0)]
    [figure] = when_killed("ours", Round(wasted, photos(1, 2), 0, killed_at=1.2))
    assert not figure.met
    assert "1 rendered twice without need" in "\n".join(lines([figure]))
    [figure] = when_killed("ours", Round(lost, photos(1, 2, 2), 0, killed_at=1.2))
    assert not figure.met
    [figure] = when_killed("ours", Round(lost, photos(1, 2), 0, killed_at=9.0))
    assert not figure.met, "it had time enough to be fetched"


def test_the_record_of_a_killed_server_tells_what_it_was_doing(tmp_path: Path) -> None:
    def line(number: int, started: float, ended: float | None) -> str:
        outcome = "success" if ended else "running"
        run = {"text": f"picture number {number}", "started_at": started, "ended_at": ended, "outcome": outcome}
        return json.dumps({**run, "loading_seconds": 0.0, "queued_at": 4.0})

    first = Run(1, 1, 5.0, 6.0, queued=4.0)
    path = tmp_path / "runs.jsonl"
    path.write_text("\n".join([line(1, 5.0, None), line(1, 5.0, 6.0), line(2, 6.5, None), '{"text": "pic']))
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        server = LaneServer(1, 0, Child("lane", process, path, 0.0), path)
        assert read_runs(server) == [first]
        server.killed_at = 7.0
        assert read_runs(server) == [first, Run(1, 2, 6.5, 7.0, completed=False, queued=4.0)]


def test_half_of_the_pictures_are_of_each_persona_and_their_models_differ(tmp_path: Path) -> None:
    asked = wanted(40)
    assert asked == wanted(40)
    assert sorted(each.persona for each in asked) == sorted([SHIPPED_ONE, OTHER_ONE] * 20)
    assert len({each.chat_id for each in asked}) == 40
    personas = make_personas(tmp_path / "personas")
    assert len({drawing_of(personas, each.persona, 64, 64).model for each in asked}) == MODELS
