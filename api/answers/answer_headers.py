"""Headers of an answer that are known before the answer is: what a request was counted as, what was preferred."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class AnswerHeaders:
    """Puts what was noted while a request was served into its answer, whoever made that answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        noted: dict[str, str] = {}
        scope.setdefault("state", {})["answer_headers"] = noted

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(raw=message.setdefault("headers", []))
                found.update(noted)
            await send(message)

        await self.app(scope, receive, with_headers)
