"""The end of a run that waits for its provider: the job stays as it is, and nobody holds anything for it."""

from datetime import datetime


class Postponed(Exception):
    """Not a failure. The job's next run is due in `due_in` seconds, or when the provider calls back.

    `heard`: the call that this run has known of; one that came since makes it due at once.
    """

    def __init__(self, provider: str, due_in: float, heard: datetime | None = None) -> None:
        super().__init__(f"waits for {provider}")
        self.provider = provider
        self.due_in = due_in
        self.heard = heard

    def is_due(self, called_at: datetime | None) -> bool:
        """Whether there is news in a call of that moment."""
        return called_at is not None and called_at != self.heard
