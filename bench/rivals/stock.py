"""procrastinate as its quick start has it, with a task that does nothing: `--app=bench.rivals.stock.app`."""

import os

from procrastinate import App, PsycopgConnector

app = App(connector=PsycopgConnector(conninfo=os.environ.get("DATABASE_URL", "")))


@app.task(name="noop")
async def noop() -> None:
    pass
