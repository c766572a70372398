"""The pictures of a finished prompt, without what ComfyUI writes into them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    data: bytes
    filename: str


@dataclass(frozen=True)
class Generated:
    """`gpu_seconds` by the server's own clock, `load_seconds` of them before the first progress, by ours.

    `cached`: nothing but the saving was done for it.
    """

    images: tuple[Picture, ...]
    gpu_seconds: float
    load_seconds: float
    cached: bool

    @property
    def data(self) -> bytes:
        """The first picture, for a workflow that makes one."""
        return self.images[0].data
