"""How large may a request be? Whatever is larger is refused before it is read, or as soon as it is too much."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 1024 * 1024


class BodyLimit:
    """FastAPI's own answers with plain text, whatever error handler there is."""

    def __init__(self, app: ASGIApp, largest: int = LARGEST_BODY) -> None:
        self.app = app
        self.largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        read = 0

        async def bounded() -> Message:
            nonlocal read
            if announced.isdigit() and int(announced) > self.largest:
                raise self._too_large()
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.largest:
                raise self._too_large()
            return message

        await self.app(scope, bounded, send)

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"A request is at most {self.largest:,} bytes.")
