"""`postgen queues | lanes | workers`, and `pause | resume | purge` for one queue."""

from collections.abc import Callable

from jobs import purge as purging
from jobs.commands.database import opened_database
from jobs.commands.tables import duration, gigabytes, share, show
from jobs.companion.personas import Personas
from jobs.db.gpu import lane_report
from jobs.db.gpu.lane_report import LaneReport, LearntTime
from jobs.db.queue import queues as queue_rows
from jobs.db.queue import workers
from jobs.db.queue.queues import QueueDepth, QueueState
from jobs.db.queue.workers import InHand, LiveWorker
from jobs.settings import LaneSettings, MediaSettings, PersonaSettings, load
from jobs.submit import Intake
from jobs.workflow import model_of

Ask = Callable[[str], bool]
NOBODY = "Nothing will run until one is started: procrastinate --app=jobs.worker.app worker --queues=llm,telegram"


async def queues() -> bool:
    async with opened_database() as database, database.transaction() as connection:
        states = await queue_rows.states(connection, load(LaneSettings))
    show(
        ("QUEUE", "STATE", "WORKERS", "WAITING", "RUNNING", "OLDEST", "WHAT"),
        [
            (
                each.name, _queue_state(each), str(each.workers), str(each.waiting), str(each.running),
                duration(each.oldest), ", ".join(map(_depth, each.kinds)),
            )
            for each in states
        ],
    )  # fmt: skip
    return True


async def lanes() -> bool:
    settings, personas = load(LaneSettings), Personas(load(PersonaSettings))
    models = {key: model_of(persona.graph) for key, persona in personas.all.items()}
    async with opened_database() as database, database.transaction() as connection:
        reports = await lane_report.lane_reports(connection, settings, models)
        learnt = await lane_report.learnt_times(connection)
    if not reports:
        print("There are no lanes. Set COMFYUI_HOSTS to draw pictures, for example localhost:8188.")
        return True
    _show_lanes(reports)
    for each in reports:
        if each.failure:
            print(f"{each.queue}: {each.failure}")
    if learnt:
        print()
        _show_learnt(learnt)
    return True


async def alive() -> bool:
    async with opened_database() as database, database.transaction() as connection:
        found = await workers.living(connection)
    if not found:
        print(f"No worker is alive. {NOBODY}")
        return True
    show(
        ("ID", "NAME", "QUEUES", "HOST", "PID", "UP SINCE (UTC)", "HEARD", "RUNNING"),
        [
            (
                str(each.id), each.name or "", _served(each), each.host or "", str(each.pid or ""),
                f"{each.started_at:%Y-%m-%d %H:%M:%S}" if each.started_at else "",
                f"{duration(each.heartbeat_seconds)} ago", "; ".join(map(_in_hand, each.running)),
            )
            for each in found
        ],
    )  # fmt: skip
    return True


async def pause(name: str, *, drain: bool) -> bool:
    async with opened_database() as database, database.transaction() as connection:
        await queue_rows.pause(connection, load(LaneSettings), name, "drain" if drain else "hold")
    done = "no new picture is sent there; what waits still runs" if drain else "what runs will end; nothing more starts"
    print(f"{name} is paused: {done}. To go on: postgen resume {name}")
    return True


async def resume(name: str) -> bool:
    async with opened_database() as database, database.transaction() as connection:
        was_paused = await queue_rows.resume(connection, load(LaneSettings), name)
    print(f"{name} goes on." if was_paused else f"{name} was not paused.")
    return True


async def purge(name: str, kind: str | None, *, ask: Ask) -> bool:
    """`ask` gets a question with the number of jobs; unless it says yes, nothing happens."""
    intake = Intake(load(LaneSettings), load(MediaSettings), Personas(load(PersonaSettings)))
    what = f" of kind {kind}" if kind else ""
    async with opened_database() as database:
        waiting = await purging.count(database, intake, name, kind)
        print(f"{_jobs(waiting)}{what} {'waits' if waiting == 1 else 'wait'} in {name} and would be cancelled.")
        if not waiting:
            return True
        if not ask(f"Cancel {_jobs(waiting)}?"):
            print("Nothing was cancelled.")
            return False
        print(f"Cancelled {_jobs(await purging.purge(database, intake, name, kind))}.")
    return True


def _show_lanes(reports: list[LaneReport]) -> None:
    show(
        ("LANE", "HOST", "STATE", "WARM", "RUNNING", "WAITING", "WAIT", "BUSY 1/15/60 MIN", "FAILED 1 H", "FREE GB"),
        [
            (
                each.queue, each.host, _lane_state(each), ", ".join(each.warm) or each.loaded or "",
                str(each.running), str(each.waiting), duration(each.wait), " ".join(map(share, each.busy.values())),
                ", ".join(f"{count} {outcome}" for outcome, count in each.failures.items()),
                " of ".join(filter(None, (gigabytes(each.gpu.vram_free), gigabytes(each.gpu.vram_total)))),
            )
            for each in reports
        ],
    )  # fmt: skip


def _show_learnt(learnt: list[LearntTime]) -> None:
    show(
        ("WORKFLOW", "SECONDS", "TO LOAD", "LEARNT FROM"),
        [(each.workflow, f"{each.seconds:.1f}", f"{each.load_seconds:.1f}", str(each.samples)) for each in learnt],
    )


def _queue_state(state: QueueState) -> str:
    if state.paused:
        return state.paused
    return "" if state.known else "not set up"


def _lane_state(report: LaneReport) -> str:
    health = {True: "up", False: "down", None: "never seen"}[report.healthy]
    words = (health, report.paused, None if report.served else "no worker")
    return ", ".join(word for word in words if word)


def _depth(depth: QueueDepth) -> str:
    return f"{depth.kind}: {depth.jobs} {depth.status} ({duration(depth.oldest)})"


def _served(worker: LiveWorker) -> str:
    return "" if worker.queues is None else ", ".join(worker.queues) or "all"


def _in_hand(work: InHand) -> str:
    what = next((str(each) for each in (work.job_id, work.delivery_id) if each is not None), "")
    return " ".join(filter(None, (work.queue, work.kind, what, duration(work.seconds))))


def _jobs(count: int) -> str:
    return f"{count} job{'' if count == 1 else 's'}"
