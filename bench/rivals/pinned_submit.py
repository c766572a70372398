"""Puts a task into Celery's queue for each `[chat_id, workflow]` in a file: `-m bench.rivals.pinned_submit FILE`."""

import json
import sys
from pathlib import Path

from bench.rivals.pinned_worker import app, generate


def main() -> None:
    with app.producer_or_acquire() as producer:
        for chat_id, workflow in json.loads(Path(sys.argv[1]).read_text()):
            generate.apply_async((chat_id, workflow), producer=producer)


if __name__ == "__main__":
    main()
