"""`python -m sandbox.comfyui --port 8188 --seconds 2`: one ComfyUI stand-in as a process of its own."""

import argparse
import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path

from sandbox.comfyui.runs import RunLog
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.comfyui", description=__doc__)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8188)
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds per picture, loading apart")
    parser.add_argument("--steps", type=int, help="steps of every sampler, whatever the workflow says")
    parser.add_argument("--model-load", type=float, default=0.0, help="seconds to put a model on the card")
    parser.add_argument("--lora-load", type=float, default=0.0, help="seconds to change the LoRAs of a model")
    parser.add_argument("--cache-lru", type=int, default=0, help="node results kept; 0 forgets all but the last prompt")
    parser.add_argument("--preview-method", default="none")
    parser.add_argument("--directory", type=Path, help="where the pictures go; a temporary folder otherwise")
    parser.add_argument("--runs", type=Path, help="a file for each start and end of a run: it outlives a kill -9")
    return parser.parse_args()


async def serve(options: argparse.Namespace) -> None:
    settings = ComfySettings(
        seconds_per_picture=options.seconds,
        steps=options.steps,
        model_load_seconds=options.model_load,
        lora_load_seconds=options.lora_load,
        cache_lru=options.cache_lru,
        preview_method=options.preview_method,
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = ComfyServer(settings, port=options.port, address=options.address, directory=options.directory)
    async with recorded(server.log, options.runs), server:
        print(f"ComfyUI sandbox on {server.url}", flush=True)
        await stop.wait()


@contextlib.asynccontextmanager
async def recorded(log: RunLog, path: Path | None) -> AsyncIterator[None]:
    """A line of JSON when a run starts and another when it has ended. Written at once: what was told is in the file."""
    if path is None:
        yield
        return
    task = asyncio.create_task(record(log, path))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def record(log: RunLog, path: Path) -> None:
    started = ended = 0
    with path.open("w", buffering=1, encoding="utf-8") as file:
        while True:
            log.changed.clear()
            finished = [run for run in log.runs[ended:] if run.ended_at is not None]
            for run in [*finished, *log.runs[max(started, ended + len(finished)) :]]:
                file.write(json.dumps(asdict(run)) + "\n")
            started, ended = len(log.runs), ended + len(finished)
            await log.changed.wait()


def main() -> None:
    options = arguments()
    with contextlib.suppress(KeyboardInterrupt):
        try:
            asyncio.run(serve(options))
        except OSError as error:
            raise SystemExit(f"The ComfyUI sandbox cannot listen on port {options.port}: {error.strerror}.") from error


if __name__ == "__main__":
    main()
