"""Waits beside the demo and ends its processes when the demo itself was killed and cannot.

Run by path, with the names of the processes on standard input: `+ 123` adds the session of process 123, `- 123`
takes it away, `database 123` names a PostgreSQL. When the input ends, what is left is killed; the database is told
to stop, since it need not repair itself then.
"""

import contextlib
import os
import signal
import sys


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends with the demo, not before
    sessions: set[int] = set()
    databases: set[int] = set()
    for line in sys.stdin:
        what, _, pid = line.strip().partition(" ")
        if what == "-":
            sessions.discard(int(pid))
            databases.discard(int(pid))
        else:
            (databases if what == "database" else sessions).add(int(pid))
    for session in sessions:
        with contextlib.suppress(OSError):
            os.killpg(session, signal.SIGKILL)
    for database in databases:
        with contextlib.suppress(OSError):
            os.kill(database, signal.SIGINT)


if __name__ == "__main__":
    main()
