"""Failures as words, the same in every channel."""

import pytest

from jobs import errors
from jobs.errors import InvalidInput, Misconfigured, PostgenError, TemporaryError

TREE = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, PostgenError)]


@pytest.mark.parametrize("kind", TREE)
def test_every_error_has_the_same_shape(kind: type[PostgenError]) -> None:
    shape = kind("A sentence.").as_json()
    assert {name: shape[name] for name in ("detail", "retryable")} == {
        "detail": "A sentence.",
        "retryable": issubclass(kind, TemporaryError),
    }
    assert shape["code"]
    assert shape["blame"] in ("client", "upstream", "platform")


def test_codes_are_stable() -> None:
    assert {each.__name__: each.code for each in TREE} == {
        "PostgenError": "internal_error",
        "PermanentError": "failed",
        "InvalidInput": "invalid_input",
        "NotFound": "not_found",
        "Unauthenticated": "unauthenticated",
        "Forbidden": "forbidden",
        "Conflict": "conflict",
        "TooManyRequests": "rate_limited",
        "ContentBlocked": "content_blocked",
        "Misconfigured": "misconfigured",
        "TemporaryError": "temporarily_unavailable",
    }


def test_an_instance_may_say_it_more_exactly() -> None:
    error = TemporaryError("Busy.", retry_in=7, code="llm_busy", blame="platform")
    assert error.as_json() == {"code": "llm_busy", "detail": "Busy.", "blame": "platform", "retryable": True}
    assert error.retry_in == 7
    assert TemporaryError.code == "temporarily_unavailable", "the class is untouched"
    assert str(error) == "Busy."


def test_invalid_input_points_at_fields() -> None:
    problem = {"pointer": "/input/prompt", "detail": "too long"}
    assert InvalidInput("No.", errors=[problem]).as_json()["errors"] == [problem]
    assert InvalidInput("No.").as_json()["errors"] == []
    assert Misconfigured("Set X.").blame == "platform"
