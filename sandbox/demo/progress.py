"""What the person in front of the terminal sees: a line for each thing that happened, with the time since the start."""

import time


class Progress:
    def __init__(self) -> None:
        self.began = time.monotonic()

    def say(self, words: str) -> None:
        print(f"{time.monotonic() - self.began:6.1f} s  {words}", flush=True)

    def show(self, text: str) -> None:
        """Several lines, without the time."""
        print(text, flush=True)
