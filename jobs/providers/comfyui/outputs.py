"""The pictures of a finished prompt, without what ComfyUI writes into them."""

import struct
from dataclasses import dataclass

PNG = b"\x89PNG\r\n\x1a\n"
TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")


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


def without_texts(data: bytes) -> bytes:
    """A PNG without its text chunks: ComfyUI puts the whole graph there, and with it a persona's prompts."""
    if not data.startswith(PNG):
        return data
    kept, position = [PNG], len(PNG)
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        end = position + 12 + length
        if data[position + 4 : position + 8] not in TEXT_CHUNKS:
            kept.append(data[position:end])
        position = end
    return b"".join(kept)
