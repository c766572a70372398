"""A worker as in production that knows the growing kind too: `--app=tests.jobs.growing_worker.app`."""

from typing import cast

from jobs.kinds import registry
from jobs.kinds.contract import Kind
from jobs.worker import app
from tests.jobs import growing

__all__ = ["app"]

registry.KINDS[growing.KIND] = cast(Kind, growing)
