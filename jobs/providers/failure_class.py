"""What a failed call to a provider means for the next one: eight classes, the same for every wire."""

from enum import StrEnum

from jobs.errors import ContentBlocked, Misconfigured, PostgenError, TemporaryError


class FailureClass(StrEnum):
    TRANSIENT = "transient"
    """It may work in a moment: no answer, a server error, a stream that broke off."""
    RATE_LIMITED = "rate_limited"
    """Too many calls for now; `retry_in` is the provider's own word, where it gave one."""
    QUOTA = "quota"
    """No money or no calls are left, for hours or until somebody pays."""
    AUTH = "auth"
    """The key, the address or the name of the model is wrong: the operator's to mend."""
    BAD_REQUEST = "bad_request"
    """This request can never work, whoever is asked again."""
    CONTENT_BLOCKED = "content_blocked"
    """The provider does not want to answer this; another one is not to be asked instead."""
    TRUNCATED = "truncated"
    """The answer did not fit into its limit, twice."""
    INVALID_OUTPUT = "invalid_output"
    """The answer is not in the form that was asked for, in spite of the repairs."""


def failure_class(error: PostgenError) -> FailureClass:
    """The class that the error names itself, or that its place in the tree of errors says."""
    named = getattr(error, "failure_class", None)
    if isinstance(named, FailureClass):
        return named
    if isinstance(error, ContentBlocked):
        return FailureClass.CONTENT_BLOCKED
    if isinstance(error, Misconfigured):
        return FailureClass.AUTH
    return FailureClass.TRANSIENT if isinstance(error, TemporaryError) else FailureClass.BAD_REQUEST
