"""A process that cannot start says why in one sentence, and exits with status 1."""

import sys
from collections.abc import Callable
from typing import TypeVar

from jobs.errors import Misconfigured

Built = TypeVar("Built")


def or_exit(process: str, build: Callable[[], Built]) -> Built:
    try:
        return build()
    except Misconfigured as error:
        sys.exit(f"{process}: {error.detail}")
