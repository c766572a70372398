"""Seed (c)'s image generator, small: a Celery worker pinned to one ComfyUI port does all for a picture in one task.

It sends the workflow, asks /history until the picture is there, fetches it and uploads it to Telegram; then it takes
the next task.
"""

import http.client
import importlib
import json
import os
import time
import uuid
from typing import Any
from urllib.parse import urlencode

celery = importlib.import_module("celery")

LOOK_SECONDS = float(os.environ["LOOK_SECONDS"])
GENERATION_TIMEOUT = 120
HTTP_TIMEOUT = 60
BOUNDARY = "picture-boundary"

app = celery.Celery("pinned", broker=f"redis://127.0.0.1:{os.environ['REDIS_PORT']}/3")
app.conf.update(
    task_default_queue="image",
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # one worker would hold back tasks that the other has time for
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
)


@app.task(name="generate")  # type: ignore[untyped-decorator,unused-ignore]  # Celery has no types
def generate(chat_id: int, workflow: dict[str, Any]) -> None:
    comfyui = http.client.HTTPConnection("127.0.0.1", int(os.environ["COMFYUI_PORT"]), timeout=HTTP_TIMEOUT)
    prompt = {"prompt": workflow, "client_id": uuid.uuid4().hex}
    prompt_id = json.loads(request(comfyui, "POST", "/prompt", json.dumps(prompt).encode()))["prompt_id"]
    file = wait_for(comfyui, prompt_id)
    picture = request(comfyui, "GET", f"/view?{urlencode(file)}")
    comfyui.close()
    deliver(chat_id, picture)


def wait_for(comfyui: http.client.HTTPConnection, prompt_id: str) -> dict[str, str]:
    deadline = time.monotonic() + GENERATION_TIMEOUT
    while time.monotonic() < deadline:
        entry = json.loads(request(comfyui, "GET", f"/history/{prompt_id}")).get(prompt_id)
        if entry:
            [[file]] = [output["images"] for output in entry["outputs"].values()]
            return dict(file)
        time.sleep(LOOK_SECONDS)
    raise TimeoutError(f"{prompt_id} was not ready after {GENERATION_TIMEOUT} s")


def deliver(chat_id: int, picture: bytes) -> None:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="chat_id"\r\n\r\n{chat_id}\r\n'.encode(),
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="photo.png"\r\n'.encode(),
        b"Content-Type: image/png\r\n\r\n",
        picture,
        f"\r\n--{BOUNDARY}--\r\n".encode(),
    ]
    telegram = http.client.HTTPConnection("127.0.0.1", int(os.environ["TELEGRAM_PORT"]), timeout=HTTP_TIMEOUT)
    request(telegram, "POST", "/bot1:bench/sendPhoto", b"".join(parts), f"multipart/form-data; boundary={BOUNDARY}")
    telegram.close()


def request(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b"", kind: str = "application/json"
) -> bytes:
    connection.request(method, path, body or None, {"Content-Type": kind})
    response = connection.getresponse()
    data = response.read()
    if response.status != 200:
        raise OSError(f"{path} answered {response.status}: {data[:200]!r}")
    return data
