"""What the program says: frames of JSON, each behind its length in four bytes.

`{"total": 12}` how many pages there will be, as far as is known; `{"page": "…"}` one after the other; and in the end
`{"end": true}`, or `{"refused": code, "values": {…}}`.
"""

import json
import struct
from typing import Any, BinaryIO

LENGTH = struct.Struct(">I")


def write(out: BinaryIO, frame: dict[str, Any]) -> None:
    body = json.dumps(frame).encode()
    out.write(LENGTH.pack(len(body)) + body)
    out.flush()
