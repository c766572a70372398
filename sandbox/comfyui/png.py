"""Text chunks of a PNG: ComfyUI writes the whole graph into one called `prompt`."""

import struct
import zlib

HEADER_END = 8 + 25  # the signature and IHDR, which is always first and always this long


def insert_text(png: bytes, keyword: str, text: str) -> bytes:
    body = b"tEXt" + keyword.encode("latin-1") + b"\0" + text.encode("latin-1", "replace")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:HEADER_END] + chunk + png[HEADER_END:]
