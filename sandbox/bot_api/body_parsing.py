"""How does an HTTP body become parameters? Requests of bots and answers of webhooks are encoded alike."""

from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from sandbox.bot_api.errors import bad_request
from sandbox.bot_api.params import Params, Upload, parsed_json

LARGEST_FIELD = 4 * 1024 * 1024


async def parse_body(content_type: str, body: bytes) -> Params:
    """An empty body, or one of an unknown kind, holds no parameters."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        return Params(parse_json(body))
    if kind == "multipart/form-data":
        return await parse_multipart(content_type, body)
    if kind == "application/x-www-form-urlencoded":
        return Params(dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)))
    return Params()


def parse_json(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    parsed = parsed_json(body, "can't parse JSON object")
    if not isinstance(parsed, dict):
        raise bad_request("expected an Object")
    return parsed


async def parse_multipart(content_type: str, body: bytes) -> Params:
    parser = MultiPartParser(Headers({"content-type": content_type}), one_chunk(body), max_part_size=LARGEST_FIELD)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError) as problem:
        raise bad_request("can't parse multipart form data") from problem
    values: dict[str, Any] = {}
    files: dict[str, Upload] = {}
    try:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                files[name] = Upload(value.filename or name, value.content_type or "", await value.read())
            else:
                values[name] = value
    finally:
        await form.close()
    return Params(values, files)


async def one_chunk(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body
