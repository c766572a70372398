"""Puts so many tasks into Celery's queue: `python -m bench.rivals.celery_submit 1000`."""

import sys
import uuid

from bench.rivals.celery_app import app, reply
from bench.updates import TEXT


def main() -> None:
    with app.producer_or_acquire() as producer:
        for _ in range(int(sys.argv[1])):
            reply.apply_async((str(uuid.uuid4()), TEXT), producer=producer)


if __name__ == "__main__":
    main()
