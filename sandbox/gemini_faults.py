"""How Gemini says no: errors with details, and answers with status 200 that are none."""

from typing import Any

from sandbox.llm.faults import Refusal

TYPE = "type.googleapis.com/google.rpc."


def error(code: int, status: str, message: str, *details: dict[str, Any], wrapped: bool = False) -> Refusal:
    """`wrapped`: in a list, as some errors come."""
    body: dict[str, Any] = {"code": code, "message": message, "status": status}
    if details:
        body["details"] = list(details)
    return Refusal(code, [{"error": body}] if wrapped else {"error": body})


def bad_key() -> Refusal:
    info = {"@type": f"{TYPE}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
    return error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", info)


def no_such_model(model: str) -> Refusal:
    words = f"models/{model} is not found for API version v1beta, or is not supported for generateContent."
    return error(404, "NOT_FOUND", words)


def overloaded() -> Refusal:
    return error(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")


def too_long(tokens: int, most: int) -> Refusal:
    words = f"The input token count ({tokens}) exceeds the maximum number of tokens allowed ({most})."
    return error(400, "INVALID_ARGUMENT", words)


def per_minute(delay: str | None = "34.074824224s", *, in_words: bool = False) -> Refusal:
    """`in_words`: the wait is in the message only."""
    return _quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", delay, in_words=in_words)


def per_day(delay: str | None = "12s") -> Refusal:
    """Google names a short wait even then."""
    return _quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier", delay)


def prompt_blocked(reason: str = "PROHIBITED_CONTENT") -> Refusal:
    usage = {"promptTokenCount": 9, "totalTokenCount": 9}
    return Refusal(200, {"promptFeedback": {"blockReason": reason}, "usageMetadata": usage, "modelVersion": "scripted"})


def answer_blocked(reason: str = "SAFETY") -> Refusal:
    """A candidate that has an end and no content."""
    ratings = [{"category": "HARM_CATEGORY_SEXUALLY_EXPLICIT", "probability": "HIGH", "blocked": True}]
    candidate = {"finishReason": reason, "index": 0, "safetyRatings": ratings}
    return Refusal(200, {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9}})


def _quota(quota_id: str, delay: str | None, *, in_words: bool = False) -> Refusal:
    metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
    words = f"You exceeded your current quota. * Quota exceeded for metric: {metric}, limit: 10"
    violation = {"quotaMetric": metric, "quotaId": quota_id, "quotaDimensions": {"model": "scripted"}}
    details: list[dict[str, Any]] = [{"@type": f"{TYPE}QuotaFailure", "violations": [violation]}]
    if delay and in_words:
        words += f" Please retry in {delay}."
    elif delay:
        details.append({"@type": f"{TYPE}RetryInfo", "retryDelay": delay})
    return error(429, "RESOURCE_EXHAUSTED", words, *details)
