"""What is wrong with a request that does not fit its operation: in our words, and pointing into the body."""

from typing import Any

from fastapi.exceptions import RequestValidationError

from jobs.errors import InvalidInput, NotFound, PostgenError

# a body may be wrong in ten thousand places
MOST_SHOWN = 50
LONGEST_WORDS = 300


def request_error(error: RequestValidationError, path: str) -> PostgenError:
    """`path`: of the request's address."""
    return _wrong_in(error) or _not_served(error, path) or _wrong_fields(error)


def _wrong_in(error: RequestValidationError) -> PostgenError | None:
    """The body as a whole: not JSON, or called something else."""
    found = error.errors()
    if any(each["type"] == "json_invalid" for each in found):
        return InvalidInput("The body is not valid JSON.", code="malformed_json")
    # FastAPI hands on unread what is not called JSON
    if isinstance(error.body, bytes) and any(each["loc"] == ("body",) for each in found):
        return InvalidInput(
            "The body must be JSON. Send it with Content-Type: application/json.", code="unsupported_media_type"
        )
    return None


def _not_served(error: RequestValidationError, path: str) -> PostgenError | None:
    """An id that cannot be one names nothing."""
    if any(each["loc"][0] == "path" for each in error.errors()):
        return NotFound(f"There is nothing at {path}.")
    return None


def _wrong_fields(error: RequestValidationError) -> PostgenError:
    found = error.errors()
    errors = [_field_error(each, error.body) for each in found[:MOST_SHOWN]]
    words = [f"{each.get('pointer', each.get('parameter')) or 'body'}: {each['detail']}" for each in errors[:5]]
    summary = "; ".join(word[:LONGEST_WORDS] for word in words)
    unknown_kind = any(each["type"] == "union_tag_invalid" and _discriminator(each) == ["kind"] for each in found)
    code = "unknown_kind" if unknown_kind else "invalid_request"
    return InvalidInput(f"The request is not valid: {summary}", errors=errors, code=code)


def _field_error(found: dict[str, Any], body: Any) -> dict[str, str]:
    place, *path = found["loc"]
    detail = _words(found)
    if place != "body":
        return {"parameter": str(path[0]) if path else str(place), "in": str(place), "detail": detail}
    return {"pointer": pointer(_in_body([*path, *_discriminator(found)], body, found["type"])), "detail": detail}


def _words(found: dict[str, Any]) -> str:
    """pydantic's own, except where they speak of its inner life."""
    context = found.get("ctx", {})
    if found["type"] == "union_tag_invalid":
        return f"There is no {context['tag'][:100]!r}. There are: {context['expected_tags']}."
    if found["type"] == "union_tag_not_found":
        return "Field required"
    return str(found["msg"]).removeprefix("Value error, ")


def _discriminator(found: dict[str, Any]) -> list[str]:
    """The member that chooses between forms, where it is what is wrong: pydantic points at what it is in."""
    name = found.get("ctx", {}).get("discriminator") if found["type"].startswith("union_tag") else None
    return [name.strip("'")] if name else []


def _in_body(path: list[str | int], body: Any, problem_type: str) -> list[str | int]:
    """Without the names of the chosen forms, which pydantic puts between the members."""
    kept: list[str | int] = []
    for number, part in enumerate(path):
        is_missing = problem_type == "missing" and number == len(path) - 1
        if isinstance(body, dict) and part not in body and part in body.values() and not is_missing:
            continue
        kept.append(part)
        body = body.get(part) if isinstance(body, dict) else _item(body, part)
    return kept


def _item(body: Any, part: str | int) -> Any:
    return body[part] if isinstance(body, list) and isinstance(part, int) and part < len(body) else None


def pointer(path: list[str | int]) -> str:
    """A JSON pointer (RFC 6901) into the body."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
