"""Which workers live, by the heartbeats that they write."""

from sqlalchemy import text

from jobs.db.session import Database

# a heartbeat is written every five seconds; a worker silent for longer is given up
SILENT_SECONDS = 30

ALIVE = text("SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => :silent)")


async def alive(database: Database) -> int:
    async with database.transaction() as connection:
        return int((await connection.execute(ALIVE, {"silent": SILENT_SECONDS})).scalar_one())
