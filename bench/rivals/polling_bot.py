"""Seed (a)'s bot, small: LPUSH the task, look at its result each 0.2 s, send the answer."""

import asyncio
import importlib
import json
import os
import uuid
from typing import Any

from bench import wire
from bench.updates import TOKEN

LOOK_SECONDS = 0.2
RESULT_TTL = 3600
QUEUE, RESULT = "bench:queue:generate_reply", "bench:result:{}"


class Bot:
    def __init__(self, redis: Any, telegram: wire.Client) -> None:
        self.redis = redis
        self.telegram = telegram
        self.conversations: set[asyncio.Task[None]] = set()

    async def take(self, path: str, body: bytes) -> bytes:
        """Acknowledged at once: what the process forgets is lost, as it was in the seed."""
        del path
        message = json.loads(body)["message"]
        task = asyncio.create_task(self.converse(message["chat"]["id"], message["text"]))
        self.conversations.add(task)
        task.add_done_callback(self.conversations.discard)
        return b"{}"

    async def converse(self, chat_id: int, text: str) -> None:
        task_id = str(uuid.uuid4())
        task = {"task_id": task_id, "status": "pending", "user_message": text}
        # the seed stored the task after it pushed it, and so could overwrite a quick worker's result
        await self.redis.set(RESULT.format(task_id), json.dumps(task), ex=RESULT_TTL)
        await self.redis.lpush(QUEUE, json.dumps(task))
        reply = await self.wait_for_result(task_id)
        fields = json.dumps({"chat_id": chat_id, "text": reply}).encode()
        await self.telegram.post(f"/bot{TOKEN}/sendMessage", fields)

    async def wait_for_result(self, task_id: str) -> str:
        while True:
            task = json.loads(await self.redis.get(RESULT.format(task_id)))
            if task["status"] == "completed":
                return str(task["reply"])
            await asyncio.sleep(LOOK_SECONDS)


async def main() -> None:
    redis = importlib.import_module("redis.asyncio").Redis(port=int(os.environ["REDIS_PORT"]))
    bot = Bot(redis, wire.Client("127.0.0.1", int(os.environ["CHAT_PORT"])))
    async with wire.serving(bot.take, int(os.environ["BOT_PORT"])):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
