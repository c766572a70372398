"""What a comparison has come to, in the few words that go before its reports in a chat."""

from collections import Counter
from collections.abc import Sequence

from jobs.companion.messages.chat_messages import ChatText
from jobs.companion.messages.text_limits import shortened
from jobs.companion.wording import say

SHOWN_TITLE = 120
SHOWN_REASON = 160
# the reports name all of them
MOST_NAMED = 10


def result(
    locale: str, title: str, severities: Sequence[str], dropped: int, unread: Sequence[dict[str, object]]
) -> ChatText:
    """`severities`: of each finding. `dropped`: quotations that stood in no document. `unread`: with reasons."""
    lines = [say(locale, "analysis.done", title=shortened(title, SHOWN_TITLE)), "", _found(locale, severities)]
    if dropped:
        lines.append(say(locale, "analysis.dropped", count=dropped))
    if unread:
        lines += ["", say(locale, "analysis.unread"), *(_line(each) for each in unread[:MOST_NAMED])]
    if len(unread) > MOST_NAMED:
        lines.append(say(locale, "analysis.unread_more", count=len(unread) - MOST_NAMED))
    return ChatText("\n".join(lines))


def _found(locale: str, severities: Sequence[str]) -> str:
    if not severities:
        return say(locale, "analysis.found_nothing")
    of = Counter(severities)
    return say(
        locale, "analysis.found", count=len(severities), high=of["high"], medium=of["medium"], low=of["low"]
    )  # fmt: skip


def _line(unread: dict[str, object]) -> str:
    name, reason = str(unread.get("file_name") or ""), shortened(str(unread.get("reason") or ""), SHOWN_REASON)
    return f"• {shortened(name, SHOWN_REASON)}: {reason}" if name else f"• {reason}"
