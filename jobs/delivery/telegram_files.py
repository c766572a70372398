"""Fetches a file that somebody has sent to the bot: where it is, and then its bytes."""

from typing import IO, Any

import httpx

from jobs.delivery.telegram import Telegram
from jobs.errors import InvalidInput, PermanentError, TemporaryError

TIMEOUT = httpx.Timeout(60, connect=5)
TOO_LARGE = "file is too big"
# how Telegram says that it has no such file, or none for this bot
UNKNOWN = ("invalid file_id", "wrong file_id", "wrong file identifier", "file reference", "temporarily unavailable")


async def fetch(telegram: Telegram, file_id: str, into: IO[bytes], most: int) -> None:
    """At most `most` bytes. Raises InvalidInput for what cannot be had, TemporaryError for trouble on the way."""
    path = _path(await telegram.ask("getFile", file_id=file_id))
    try:
        async with telegram.client.stream("GET", _address(telegram, path), timeout=TIMEOUT) as response:
            if response.status_code != httpx.codes.OK:
                # a path is good for an hour: the next try asks for another one
                raise TemporaryError(f"Telegram gave {response.status_code} for the file.", code="unanswered")
            await _take(response, into, most)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TemporaryError(f"The file did not arrive ({type(error).__name__}).", code="unanswered") from None


async def _take(response: httpx.Response, into: IO[bytes], most: int) -> None:
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > most:
            raise _too_large()
        into.write(chunk)


def _path(answer: dict[str, Any]) -> str:
    if answer.get("ok"):
        path = str((answer.get("result") or {}).get("file_path") or "")
        if path.startswith("/"):
            raise PermanentError(
                "The Bot API server keeps files on its own disk. Start it without --local.", code="misconfigured"
            )
        return path
    words = str(answer.get("description", ""))
    if TOO_LARGE in words.lower():
        raise _too_large()
    if any(each in words.lower() for each in UNKNOWN):
        raise InvalidInput("Telegram has no such file any more. Send it again.", code="chat_file_gone")
    raise TemporaryError(f"Telegram does not give the file: {words}", code="unanswered")


def _address(telegram: Telegram, path: str) -> str:
    base, _, token = telegram.root.rpartition("/bot")
    return f"{base}/file/bot{token}/{path}"


def _too_large() -> InvalidInput:
    return InvalidInput("Telegram lets bots fetch files of at most 20 MB.", code="chat_file_too_large")
