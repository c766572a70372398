"""A PNG without what its maker wrote into it: who draws with ComfyUI or A1111 finds the whole prompt there."""

import struct

PNG = b"\x89PNG\r\n\x1a\n"
TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")


def without_texts(data: bytes) -> bytes:
    """Anything but a PNG as it is."""
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
