"""text/event-stream as its standard reads it, from bytes that may be cut anywhere."""

import codecs
from dataclasses import dataclass


@dataclass(frozen=True)
class ServerEvent:
    """`id` is the last one that the stream named, in this event or before: what Last-Event-ID sends back."""

    type: str
    data: str
    id: str


class EventParser:
    """One for each connection; `last_id` is given to begin where an earlier connection ended."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self.retry_ms: int | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._half_ended = False
        self._type = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """The events that are complete with these bytes."""
        return [event for line in self._lines(chunk) if (event := self._take(line))]

    def _lines(self, chunk: bytes) -> list[str]:
        found = self._decoder.decode(chunk)
        if not found:
            return []
        if self._half_ended:
            found = found.removeprefix("\n")
        # the second half of this line's end may be in the next chunk
        self._half_ended = found.endswith("\r") if found else False
        *lines, self._rest = (self._rest + found.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
        return lines

    def _take(self, line: str) -> ServerEvent | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._type = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self.last_id = value
            case "retry" if value.isascii() and value.isdigit():
                self.retry_ms = int(value)
        return None

    def _dispatch(self) -> ServerEvent | None:
        kind, data = self._type, self._data
        self._type, self._data = "", []
        return ServerEvent(kind or "message", "\n".join(data), self.last_id) if data else None
