"""The load on POST /v1/jobs: a process of its own that asks as fast as it is answered, on so many connections.

`python -m bench.api_load --port 8001 --connections 8` prints one JSON object; the key comes in the environment.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from uuid import uuid4

import uvloop

from bench import wire
from bench.children import Failed
from bench.figures import percentile
from bench.ground import ROOT, Ground

KEY = "BENCH_API_KEY"
PATH = "/v1/jobs"
JOB = {
    "kind": "generate_reply",
    "input": {"system_prompt": "You are kind.", "user_message": "How was your day? I thought of our walk."},
    "metadata": {"order": "4711"},
}


@dataclass(frozen=True)
class Load:
    """`rate`: 202s a second. `cpu` is the generator's own share of one core. `ids`: of all 202s, the warm-up's too."""

    rate: float
    p50: float
    p99: float
    cpu: float
    statuses: dict[str, int]
    refusal: str
    ids: list[str]


@dataclass
class Run:
    """`seconds`: from request to answer, of those that lie between the warm-up and the end."""

    key: str
    repeatable: bool
    counted_from: float
    until: float
    seconds: list[float] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=list)

    async def post_until_the_end(self, connection: wire.Connection) -> None:
        body = json.dumps(JOB).encode()
        known = f"Authorization: Bearer {self.key}"
        post = wire.request(PATH, body, known)
        while (started := time.perf_counter()) < self.until:
            if self.repeatable:
                post = wire.request(PATH, body, known, f"Idempotency-Key: {uuid4()}")
            # read when all is over: that takes time as well
            self.answers.append(await connection.send(post))
            ended = time.perf_counter()
            if started >= self.counted_from and ended <= self.until:
                self.seconds.append(ended - started)


async def offered(ground: Ground, port: int, key: str, connections: int, seconds: float, *, repeatable: bool) -> Load:
    """The load of a generator in a process of its own. Raises Failed when anything but a 202 was answered."""
    command = [
        sys.executable, "-m", "bench.api_load", f"--port={port}", f"--connections={connections}",
        f"--seconds={seconds}", *(["--repeatable"] if repeatable else []),
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, env=ground.environment(**{KEY: key})
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise Failed("The load generator failed; its words are above.")
    load = Load(**json.loads(output))
    if set(load.statuses) != {"202"}:
        raise Failed(f"Not every job was answered with 202: {load.statuses}. One answer: {load.refusal}")
    return load


async def generate(options: argparse.Namespace) -> Load:
    opened = [await wire.connect("127.0.0.1", options.port) for _ in range(options.connections)]
    counted_from = time.perf_counter() + options.warm_up
    run = Run(os.environ[KEY], options.repeatable, counted_from, counted_from + options.seconds)
    cpu = time.process_time()
    await asyncio.gather(*(run.post_until_the_end(connection) for connection in opened))
    share = (time.process_time() - cpu) / (options.seconds + options.warm_up)
    for connection in opened:
        connection.close()
    return told(run, options.seconds, share)


def told(run: Run, seconds: float, cpu: float) -> Load:
    accepted = [body for status, body in run.answers if status == 202]
    refused = [body for status, body in run.answers if status != 202]
    return Load(
        len(run.seconds) / seconds, percentile(run.seconds, 0.5), percentile(run.seconds, 0.99), cpu,
        {str(status): count for status, count in Counter(status for status, _ in run.answers).items()},
        refused[0][:500].decode(errors="replace") if refused else "", [json.loads(body)["id"] for body in accepted],
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.api_load", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--warm-up", type=float, default=1)
    parser.add_argument("--repeatable", action="store_true", help="with a new Idempotency-Key each")
    print(json.dumps(asdict(uvloop.run(generate(parser.parse_args())))))


if __name__ == "__main__":
    main()
