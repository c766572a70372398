"""Our lanes at work: a worker for each, one for the deliveries, and pictures for as many chats as there are jobs."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack

import psycopg

from bench.children import Child, Command, Failed, running, until
from bench.ground import Ground
from bench.lane_servers import LANES
from bench.lanes_round import Round, Scene, scene, watch
from bench.ours import worker
from bench.pictures import SIDE
from jobs.db.session import Database
from jobs.kinds.contract import NewJob
from jobs.settings import DatabaseSettings, LaneSettings, MediaSettings
from jobs.submit import Intake

# a dead worker's jobs move within 45 s
PATIENCE = 60.0
DELIVERIES = "telegram,webhooks,housekeeping"
READY = """
SELECT (SELECT count(*) FROM procrastinate_workers) >= %s
   AND (SELECT count(*) FROM lanes JOIN workers ON queue = ANY(queues) WHERE healthy) >= %s
"""
UNFINISHED = """
SELECT (SELECT count(*) FROM jobs WHERE status <> 'completed')
     + (SELECT count(*) FROM deliveries WHERE status <> 'sent')
"""
LEFT = """
SELECT concat_ws(' ', job.id, job.queue, job.status, 'failures', job.failures, 'ticket', ticket.status,
                 ticket.queue_name, ticket.attempts, ticket.scheduled_at, 'worker', ticket.worker_id,
                 'delivery', delivery.status, job.error)
  FROM jobs AS job LEFT JOIN procrastinate_jobs AS ticket ON ticket.id = job.ticket_id
       LEFT JOIN deliveries AS delivery ON delivery.job_id = job.id
 WHERE job.status <> 'completed' OR delivery.status IS DISTINCT FROM 'sent'
"""


async def draw(ground: Ground, count: int, *, kill: bool = False) -> Round:
    async with scene(ground, count, kill=kill) as here:
        with ground.database() as url:
            return await _draw(here, url)


async def _draw(here: Scene, url: str) -> Round:
    environment = here.ground.environment(
        url,
        COMFYUI_HOSTS=",".join(here.hosts),
        PERSONAS_DIR=here.folder / "personas",
        MEDIA_URL=f"file:{here.folder / 'media'}",
        TELEGRAM_API_BASE=here.telegram_address,
    )
    with ExitStack() as stack, psycopg.connect(url, autocommit=True) as connection:
        workers: list[Child] = []
        for name, command in _commands().items():
            workers.append(stack.enter_context(running(name, command, environment=environment, folder=here.folder)))

        def ready() -> bool:
            row = connection.execute(READY.encode(), (len(workers), LANES)).fetchone()
            return bool(row and row[0])

        await until(workers[0], ready, "serve its lane")
        await _submit(here, url)
        drawn = await watch(here, workers, patience=PATIENCE)
        await _require_finished(connection, drawn, workers)
        return drawn


def _commands() -> dict[str, Command]:
    lanes = {f"worker-gpu-{lane}": worker(f"gpu-{lane}", "--concurrency=2") for lane in range(LANES)}
    return {**lanes, "worker-deliveries": worker(DELIVERIES)}


async def _submit(here: Scene, url: str) -> None:
    """One transaction each, as they come in through the doors, while the workers are there already."""
    lanes = LaneSettings(comfyui_hosts=",".join(here.hosts))
    intake = Intake(lanes, MediaSettings(), here.personas)
    database = Database(DatabaseSettings(database_url=url))
    try:
        for picture in here.pictures:
            chat = {"chat_id": picture.chat_id, "locale": "en"}
            wanted = {"prompt": picture.prompt, "persona": picture.persona, "width": SIDE, "height": SIDE}
            new = NewJob("generate_image", wanted, f"telegram:{picture.chat_id}", destination={"telegram": chat})
            async with database.transaction() as connection:
                await intake.submit(connection, new)
    finally:
        await database.aclose()


async def _require_finished(
    connection: "psycopg.Connection[tuple[object, ...]]", drawn: Round, workers: Sequence[Child]
) -> None:
    if drawn.missing:
        rows = connection.execute(LEFT.encode()).fetchall()
        told = [f"{drawn.missing} pictures did not arrive. What is left of their jobs:", *(str(row[0]) for row in rows)]
        told += [f"{worker.name} said last:\n{worker.tail()}" for worker in workers]
        raise Failed("\n".join(told))
    for _ in range(100):
        row = connection.execute(UNFINISHED.encode()).fetchone()
        if row and not row[0]:
            return
        await asyncio.sleep(0.1)
    raise Failed("All pictures arrived, but not every job is completed and every delivery sent.")
