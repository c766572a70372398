"""The one message of an analysis to be: which files are there, what shall be looked for, and buttons to change that."""

from jobs.companion.messages.chat_messages import Button, Buttons
from jobs.companion.messages.text_limits import LONGEST_TEXT, shortened
from jobs.companion.wording import has_text, say
from jobs.db.chats.chat_analyses import Collection, SentFile

ANALYSIS = "analysis:"
MOST_FILES = 10
# with those that cannot be read
MOST_LISTED = 20
# what Telegram lets a bot fetch
LARGEST_FILE = 20 * 1024 * 1024
LARGEST_MEGABYTES = LARGEST_FILE // (1024 * 1024)
LEAST_FILES = 2
TOO_LARGE = "chat_file_too_large"
SHOWN_NAME = 60
SHOWN_QUESTION = 300


def looks_for(locale: str) -> dict[str, str]:
    """What can be looked for, by the names that a comparison knows."""
    return {
        "differences": say(locale, "report.looks_for_differences"),
        "contradictions": say(locale, "report.looks_for_contradictions"),
        "missing_parts": say(locale, "report.looks_for_missing_parts"),
        "risks": say(locale, "report.looks_for_risks"),
        "summary": say(locale, "report.looks_for_summary"),
    }


def words(locale: str, found: Collection) -> str:
    lines = [say(locale, "analysis.title"), *(["", *_files(locale, found)] if found.files else [])]
    match found.status:
        case "offered":
            lines += ["", say(locale, "analysis.offered")]
        case "collecting":
            lines += [*_asked(locale, found), "", _what_next(locale, found)]
        case "begun":
            lines += [*_asked(locale, found), "", say(locale, "analysis.compared")]
        case "cancelled":
            lines += ["", say(locale, "analysis.cancelled")]
        case _:
            lines += ["", say(locale, "analysis.expired")]
    return shortened("\n".join(lines), LONGEST_TEXT)


def buttons(locale: str, found: Collection, price: str = "") -> Buttons:
    """`price`: what a comparison costs, in words; nothing where it is free."""
    cancel = (Button(say(locale, "button.analysis_cancel"), _data(found, "cancel")),)
    if found.status == "offered":
        return ((Button(say(locale, "button.analysis_collect"), _data(found, "collect")),), cancel)
    if found.status != "collecting":
        return ()
    toggles = [_toggle(found, each, name) for each, name in looks_for(locale).items()]
    rows = [tuple(toggles[start : start + 2]) for start in range(0, len(toggles), 2)]
    if len(found.usable) >= LEAST_FILES:
        compare = say(locale, "button.analysis_compare")
        rows.append((Button(f"{compare} · {price}" if price else compare, _data(found, "compare")),))
    return (*rows, cancel)


def refusal(locale: str, error: dict[str, object] | None) -> str:
    """Why a file cannot be compared, where there are words for it."""
    if error and error.get("code") == TOO_LARGE and error.get("page"):
        return say(locale, "analysis.too_large_page", megabytes=LARGEST_MEGABYTES, url=error["page"])
    key = f"failed.{(error or {}).get('code', '')}"
    return say(locale, key if has_text(locale, key) else "failed.document_not_read")


def _files(locale: str, found: Collection) -> list[str]:
    return [f"{each.number}. {shortened(each.file_name, SHOWN_NAME)} — {_state(locale, each)}" for each in found.files]


def _state(locale: str, file: SentFile) -> str:
    if file.is_refused:
        return refusal(locale, file.error)
    if file.document_id is None:
        return say(locale, "analysis.file_waiting")
    if file.status == "completed":
        return say(locale, "analysis.file_read", pages=file.pages or 0)
    return say(locale, "analysis.file_reading")


def _asked(locale: str, found: Collection) -> list[str]:
    names = ", ".join(name for each, name in looks_for(locale).items() if each in found.looks_for)
    lines = [say(locale, "analysis.looked_for", names=names)] if names else []
    if found.question:
        lines.append(say(locale, "analysis.question", question=shortened(found.question, SHOWN_QUESTION)))
    return ["", *lines] if lines else []


def _what_next(locale: str, found: Collection) -> str:
    if len(found.usable) >= LEAST_FILES:
        return say(locale, "analysis.ready")
    return say(locale, "analysis.send_files", most=MOST_FILES, megabytes=LARGEST_MEGABYTES)


def _toggle(found: Collection, what: str, name: str) -> Button:
    """It says what shall be: pressed twice, it is done once."""
    chosen = what in found.looks_for
    return Button(f"✓ {name}" if chosen else name, _data(found, f"{'off' if chosen else 'on'}:{what}"))


def _data(found: Collection, what: str) -> str:
    return f"{ANALYSIS}{found.id.hex}:{what}"
