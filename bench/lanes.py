"""How busy are two GPUs kept, how near does that come to the ideal, and what becomes of it when one of them dies?"""

from collections.abc import Callable, Sequence

from bench import lanes_celery, lanes_figures, lanes_ours
from bench.figures import Figure, median, milliseconds, percentile
from bench.ground import Ground
from bench.lane_servers import LANES, LOAD_SECONDS, PICTURE_SECONDS
from bench.lanes_figures import Run
from bench.lanes_round import KILLED_LANE, Round
from bench.pictures import MODELS
from bench.slow_telegram import BYTES_PER_SECOND

TITLE = "lanes: two ComfyUI of 1.0 s a picture, two personas mixed, pictures of 1 MB sent over a slow line"
LEAST_BUSY = 0.99
LONGEST_GAP = 0.005
MOST_LOADS = 1.5
LONGEST_MAKESPAN = 1.03
GAPS_SHOWN = 3
# a picture is fetched from its server within this time after its end
FETCH_SECONDS = 0.5

Measure = Callable[[Round], float]


async def measure(ground: Ground) -> list[Figure]:
    jobs, rounds = (40, 1) if ground.quick else (200, 3)
    ours = []
    for number in range(1, rounds + 1):
        _say(f"ours, {jobs} pictures, round {number} of {rounds}")
        ours.append(await lanes_ours.draw(ground, jobs))
    _say("ours, one lane killed half way")
    killed = await lanes_ours.draw(ground, jobs, kill=True)
    return [*judged(ours), *when_killed("ours", killed), *await _rival(ground, jobs), _how(jobs, rounds, ours)]


async def _rival(ground: Ground, jobs: int) -> list[Figure]:
    _say("Celery, once whole and once with a lane killed")
    whole = await lanes_celery.draw(ground, jobs)
    if isinstance(whole, str):
        return [Figure("Celery + Redis (seed c)", f"SKIPPED: {whole}")]
    killed = await lanes_celery.draw(ground, jobs, kill=True)
    assert not isinstance(killed, str), "it ran a moment ago"
    return [*_beside(whole), *when_killed("Celery", killed)]


def _say(what: str) -> None:
    print(f"  {what} …", flush=True)


def busiest_less(drawn: Round) -> float:
    """The share of the lane that was less busy."""
    return min(lanes_figures.busy_shares(drawn.runs).values())


def gap(share: float) -> Measure:
    return lambda drawn: percentile([gap.seconds for gap in lanes_figures.gaps(drawn.runs)], share)


def longest_empty(drawn: Round) -> float:
    """The longest time in which a GPU had nothing to do and nothing waited for it."""
    return max(gap.empty for gap in lanes_figures.gaps(drawn.runs))


def loads(drawn: Round) -> float:
    return lanes_figures.loads(drawn.runs)


def makespan(drawn: Round) -> float:
    return lanes_figures.makespan(drawn.runs)


def of_ideal(drawn: Round) -> float:
    ideal = lanes_figures.ideal(drawn.runs, models=MODELS, lanes=LANES, load_seconds=LOAD_SECONDS)
    return lanes_figures.makespan(drawn.runs) / ideal


def judged(rounds: Sequence[Round]) -> list[Figure]:
    def middle(measured: Measure) -> float:
        return median([measured(drawn) for drawn in rounds])

    busy, shortest, changes, span = middle(busiest_less), middle(gap(0.5)), middle(loads), middle(of_ideal)
    least = lanes_figures.least_loads(MODELS, LANES)
    return [
        Figure("ours, busy share of each lane", _shares(rounds), "", f"≥ {LEAST_BUSY:.0%}", busy >= LEAST_BUSY),
        Figure(
            "ours, gap between two renders",
            f"p50 {milliseconds(shortest)}  p99 {milliseconds(middle(gap(0.99)))}",
            "",
            f"p50 ≤ {milliseconds(LONGEST_GAP)}",
            shortest <= LONGEST_GAP,
        ),
        Figure(
            "  longest time that nothing waited for a GPU", milliseconds(middle(longest_empty)), _longest(rounds[0])
        ),
        Figure(
            "ours, models put on a card",
            f"{changes:.0f}, the least possible is {least}",
            "",
            f"≤ {MOST_LOADS * least:g}",
            changes <= MOST_LOADS * least,
        ),
        Figure(
            "ours, makespan of the ideal",
            f"{span:.3f}  ({middle(makespan):.1f} s)",
            "",
            f"≤ {LONGEST_MAKESPAN}",
            span <= LONGEST_MAKESPAN,
        ),
    ]


def _beside(drawn: Round) -> list[Figure]:
    return [
        Figure("Celery, busy share of each lane", _shares([drawn])),
        Figure(
            "Celery, gap between two renders",
            f"p50 {milliseconds(gap(0.5)(drawn))}  p99 {milliseconds(gap(0.99)(drawn))}",
        ),
        Figure("  longest time that nothing waited for a GPU", milliseconds(longest_empty(drawn))),
        Figure("Celery, models put on a card", f"{loads(drawn):.0f}"),
        Figure("Celery, makespan of the ideal", f"{of_ideal(drawn):.3f}  ({makespan(drawn):.1f} s)"),
    ]


def when_killed(who: str, drawn: Round) -> list[Figure]:
    """Nobody renders a picture twice, but for one that was finished and went down with its server."""
    twice = lanes_figures.rendered_twice(drawn.runs)
    lost = [run for run in twice if _went_down(run, drawn.killed_at)]
    words = f"{len({photo.chat_id for photo in drawn.photos})} arrived, {drawn.missing} missing"
    how = (
        f"{drawn.sent_twice} sent twice; {len(lanes_figures.cut_short(drawn.runs))} cut short by the kill and begun "
        f"anew, {len(lost)} finished but lost with the server and rendered again, {len(twice) - len(lost)} rendered "
        f"twice without need; {makespan(drawn):.1f} s from the first start to the last end"
    )
    name = f"{who}, one lane killed half way"
    if who != "ours":
        return [Figure(name, words, how)]
    met = not (drawn.missing or drawn.sent_twice or len(twice) > len(lost))
    return [Figure(name, words, how, "all, none twice", met)]


def _went_down(run: Run, killed_at: float | None) -> bool:
    return killed_at is not None and run.lane == KILLED_LANE and killed_at - run.ended < FETCH_SECONDS


def _shares(rounds: Sequence[Round]) -> str:
    each = [lanes_figures.busy_shares(drawn.runs) for drawn in rounds]
    return "  ".join(f"gpu-{lane} {median([shares[lane] for shares in each]):.2%}" for lane in range(LANES))


def _longest(drawn: Round) -> str:
    longest = sorted(lanes_figures.gaps(drawn.runs), key=lambda gap: -gap.seconds)[:GAPS_SHOWN]
    return "the longest gaps of the first round: " + ", ".join(
        f"{milliseconds(gap.seconds)} on gpu-{gap.lane} after {gap.at:.1f} s" for gap in longest
    )


def _how(jobs: int, rounds: int, ours: Sequence[Round]) -> Figure:
    size = median([photo.size for photo in ours[0].photos])
    seconds = median([photo.seconds for photo in ours[0].photos])
    words = (
        f"{jobs} jobs, two personas in a random order that is always the same, whose models differ; {LANES} ComfyUI "
        f"stand-ins in processes of their own, {PICTURE_SECONDS:g} s a picture, {LOAD_SECONDS:g} s to change the "
        f"model; each picture ({size / 1e6:.2f} MB) goes to a chat of its own at {BYTES_PER_SECOND / 1e6:g} MB/s, "
        f"which took {seconds:.2f} s. All times are of the stand-ins' clocks: a start of a run and its end, loading "
        f"included. Median of {rounds} round(s). Ours: a worker for each lane with concurrency 2, one for "
        "telegram,webhooks,housekeeping, submitted one by one through Intake while they run. Ideal: all rendering and "
        f"{lanes_figures.least_loads(MODELS, LANES)} loads, halved. Killed: SIGKILL to gpu-1's ComfyUI when half of "
        "the pictures are done, for good. Celery: one queue, a worker process pinned to each port; a task posts the "
        f"workflow, asks /history each {lanes_celery.LOOK_SECONDS:g} s, fetches, uploads (one round)"
    )
    return Figure("", "", words)
