"""What lanes tell the queue's worker, and hear from it: not to fetch for now, and that there was nothing to fetch."""

from collections.abc import Callable


class Gates:
    """`on_open` is called when a queue may be fetched from again, `on_dry` with a queue that has room and no work.

    A queue may be shut for several reasons at once, and opens when the last one is gone.
    """

    def __init__(self) -> None:
        self.shut: set[tuple[str, str]] = set()
        self.on_open: Callable[[], None] = lambda: None
        self.on_dry: Callable[[str], None] = lambda queue: None

    def is_open(self, queue: str | None) -> bool:
        return all(queue != name for name, _ in self.shut)

    def close(self, queue: str, reason: str) -> None:
        self.shut.add((queue, reason))

    def open(self, queue: str, reason: str) -> None:
        self.shut.discard((queue, reason))
        if self.is_open(queue):
            self.on_open()
