"""`Prefer: wait=30` (RFC 7240): hold the answer until the job has ended, for so many seconds at most."""

import re

from fastapi import Request

LONGEST_WAIT = 60
WAIT = re.compile(r'\s*wait\s*=\s*"?([0-9]{1,9})"?\s*(;.*)?', re.IGNORECASE)


def wait_seconds(request: Request) -> int:
    """0 without a preference, or with one that is not understood; it is only a preference."""
    for line in request.headers.getlist("prefer"):
        for preference in line.split(","):
            if match := WAIT.fullmatch(preference):
                return min(int(match[1]), LONGEST_WAIT)
    return 0
