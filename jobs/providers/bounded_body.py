"""The body of an answer, of which no more is read than an answer can have."""

import httpx

from jobs.providers.sse_lines import TooLong


async def bounded_body(response: httpx.Response, largest: int, *, cut: bool = False) -> bytes:
    """Raises TooLong, unless the rest may be cut off."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > largest:
            if cut:
                break
            raise TooLong
    return bytes(body)
