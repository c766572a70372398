"""How large may a request be? Whatever is larger is refused before it is read, or as soon as it is too much."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobs.documents.extractor.limits import LARGEST_FILE
from jobs.documents.refusals import refusal

LARGEST_BODY = 1024 * 1024
# with what the form around the document takes
LARGEST_UPLOAD = LARGEST_FILE + 64 * 1024
UPLOADS = ("/v1/documents", "/analyses/documents")


class BodyLimit:
    """FastAPI's own answers with plain text, whatever error handler there is."""

    def __init__(self, app: ASGIApp, largest: int = LARGEST_BODY) -> None:
        self.app = app
        self.largest_body = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        upload = scope["path"] in UPLOADS
        largest = LARGEST_UPLOAD if upload else self.largest_body
        too_large = refusal("document_too_large") if upload else _too_large(largest)
        announced = Headers(scope=scope).get("content-length", "")
        read = 0

        async def bounded() -> Message:
            nonlocal read
            if announced.isdigit() and int(announced) > largest:
                raise too_large
            message = await receive()
            read += len(message.get("body", b""))
            if read > largest:
                raise too_large
            return message

        await self.app(scope, bounded, send)


def _too_large(largest: int) -> HTTPException:
    return HTTPException(413, f"A request is at most {largest:,} bytes.")
