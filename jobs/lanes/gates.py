"""Which queues a worker must not fetch from for now: a lane whose ComfyUI is away keeps its tickets for others."""

from collections.abc import Callable


class Gates:
    """`on_open` is called when a queue may be fetched from again."""

    def __init__(self) -> None:
        self.shut: set[str] = set()
        self.on_open: Callable[[], None] = lambda: None

    def is_open(self, queue: str | None) -> bool:
        return queue not in self.shut

    def close(self, queue: str) -> None:
        self.shut.add(queue)

    def open(self, queue: str) -> None:
        self.shut.discard(queue)
        self.on_open()
