"""What a refusal of A1111 or Forge means: their errors name the exception of Python that was raised."""

import json
import re
from collections.abc import Mapping

from jobs.providers.image_failures import DrawingFailed, ImageFailure, WronglySetUp, refusal
from jobs.providers.llm_failures import redacted

WHO = "The image provider local"
SETTINGS = {"key": "the user and password in LOCAL_IMAGE_URL", "address": "LOCAL_IMAGE_URL", "model": "LOCAL_IMAGE_URL"}
OUT_OF_MEMORY = re.compile(r"out ?of ?memory|NotEnoughMemory|CUDA error", re.IGNORECASE)
NO_MODEL = re.compile(r"model .{0,200}not found|no checkpoint", re.IGNORECASE | re.DOTALL)
NO_SAMPLER = re.compile(r"(sampler|scheduler) not found", re.IGNORECASE)
NO_ROUTE = "Not Found"


def refused(status: int, body: str, headers: Mapping[str, str]) -> ImageFailure:
    words = _words(body)
    if NO_SAMPLER.search(words):
        return WronglySetUp(f"{WHO} does not know this sampler. Check LOCAL_IMAGE_SAMPLER and LOCAL_IMAGE_SCHEDULER.")
    if NO_MODEL.search(words):
        return WronglySetUp(f"{WHO} does not have this model. Check LOCAL_IMAGE_MODEL.")
    if status >= 500 and OUT_OF_MEMORY.search(words):
        return DrawingFailed(f"{WHO} ran out of memory on its GPU.")
    if status == 404 and words == NO_ROUTE:
        return WronglySetUp(f"{WHO} has no API at this address. Check LOCAL_IMAGE_URL, and start it with --api.")
    return refusal(status, words, headers, name="local", settings=SETTINGS)


def _words(body: str) -> str:
    """From {"error", "detail", "errors"}, {"detail": "…"} or {"detail": [{"loc", "msg"}]}."""
    try:
        answer = json.loads(body)
        detail = answer.get("detail")
        if isinstance(detail, list):
            detail = "; ".join(f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in detail)
        words = [str(answer[key]) for key in ("error", "errors") if answer.get(key)]
    except (ValueError, AttributeError, LookupError, TypeError, RecursionError):
        return redacted(body) if body and not body.lstrip().startswith("<") else ""
    return " ".join([*words, str(detail)] if detail else words)
