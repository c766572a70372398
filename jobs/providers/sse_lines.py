"""Bytes of a streamed answer as its lines, and lines as the data of server-sent events."""

LONGEST_LINE = 4_000_000


class TooLong(ValueError):
    """More bytes than a line, or an answer, can have."""


class Lines:
    """Only line feeds end a line: JSON may hold every other character that Python takes for an end."""

    def __init__(self) -> None:
        self._begun = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes. Raises TooLong."""
        *whole, rest = chunk.split(b"\n")
        lines = []
        for end in whole:
            self._begun += end
            lines.append(bytes(self._begun).removesuffix(b"\r"))
            self._begun.clear()
        self._begun += rest
        if len(self._begun) > LONGEST_LINE:
            raise TooLong
        return lines

    def close(self) -> list[bytes]:
        """What came without a line end at last."""
        rest = bytes(self._begun).removesuffix(b"\r")
        self._begun.clear()
        return [rest] if rest else []


class EventData:
    """Comments, names and numbers of events are left out."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []

    def feed(self, lines: list[bytes]) -> list[bytes]:
        """The data of the events that these lines complete."""
        done = []
        for line in lines:
            if not line and self._begun:
                done += self.close()
            elif line.startswith(b"data:"):
                self._begun.append(line.removeprefix(b"data:").removeprefix(b" "))
        return done

    def close(self) -> list[bytes]:
        """The event that was not ended by an empty line: some servers forget the last one."""
        data, self._begun = b"\n".join(self._begun), []
        return [data] if data else []
