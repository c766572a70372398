"""Why the demo cannot go on, in one sentence, with the end of the log that tells more."""

from pathlib import Path

LAST_LINES = 12


class DemoFailed(Exception):
    """The message is a sentence for the person in front of the terminal."""


def tail(log: Path, lines: int = LAST_LINES) -> str:
    """The end of a log, indented; a sentence where there is none."""
    try:
        written = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        written = []
    return "\n".join(f"    {line}" for line in written[-lines:]) or "    (it wrote nothing)"
