"""Seed (a)'s worker, small: BRPOP, ask the model, write the result key; ten tasks at a time."""

import asyncio
import importlib
import json
import os
from typing import Any

from bench import wire
from bench.rivals.polling_bot import QUEUE, RESULT, RESULT_TTL

CONCURRENCY = 10


async def work(redis: Any, model: wire.Client, task: dict[str, Any], room: asyncio.Semaphore) -> None:
    async with room:
        await store(redis, {**task, "status": "processing"})
        request = {"model": "scripted", "messages": [{"role": "user", "content": task["user_message"]}]}
        _, body = await model.post("/v1/chat/completions", json.dumps(request).encode())
        reply = json.loads(body)["choices"][0]["message"]["content"]
        await store(redis, {**task, "status": "completed", "reply": reply})


async def store(redis: Any, task: dict[str, Any]) -> None:
    await redis.set(RESULT.format(task["task_id"]), json.dumps(task), ex=RESULT_TTL)


async def main() -> None:
    redis = importlib.import_module("redis.asyncio").Redis(port=int(os.environ["REDIS_PORT"]))
    model = wire.Client("127.0.0.1", int(os.environ["LLM_PORT"]))
    room = asyncio.Semaphore(CONCURRENCY)
    running: set[asyncio.Task[None]] = set()
    while True:
        _, task = await redis.brpop(QUEUE)
        started = asyncio.create_task(work(redis, model, json.loads(task), room))
        running.add(started)
        started.add_done_callback(running.discard)


if __name__ == "__main__":
    asyncio.run(main())
