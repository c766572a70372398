"""What /settings shows: one message that says what is chosen, and a button for each other choice."""

from dataclasses import dataclass, field
from datetime import datetime

from jobs.companion.analyses import report_choices
from jobs.companion.messages.outbox import Button, Buttons
from jobs.companion.wording import say
from jobs.db.analyses.report_preferences import ReportPreferences

SETTINGS = "settings:"
LANGUAGES = {"ru": "Русский", "en": "English"}


@dataclass(frozen=True)
class Choices:
    """`of_age_since`: when they confirmed that they are of age; `asks_age`: whether that makes a difference here."""

    locale: str
    auto_pictures: bool
    asks_age: bool
    of_age_since: datetime | None
    reports: ReportPreferences = field(default_factory=ReportPreferences)


def words(chosen: Choices) -> str:
    locale = chosen.locale
    on, off = say(locale, "settings.on"), say(locale, "settings.off")
    lines = [
        say(locale, "settings.title"),
        "",
        say(locale, "settings.language", language=LANGUAGES[locale]),
        say(locale, "settings.pictures", state=on if chosen.auto_pictures else off),
        *report_choices.lines(locale, chosen.reports),
    ]
    if chosen.asks_age and chosen.of_age_since:
        lines.append(say(locale, "settings.of_age", date=f"{chosen.of_age_since:%d.%m.%Y}"))
    elif chosen.asks_age:
        lines.append(say(locale, "settings.age_unknown"))
    return "\n".join(lines)


def buttons(chosen: Choices) -> Buttons:
    locale = chosen.locale
    languages = tuple(
        Button(f"• {name}" if each == locale else name, f"{SETTINGS}locale:{each}") for each, name in LANGUAGES.items()
    )
    if chosen.auto_pictures:
        pictures = Button(say(locale, "button.pictures_off"), f"{SETTINGS}pictures:off")
    else:
        pictures = Button(say(locale, "button.pictures_on"), f"{SETTINGS}pictures:on")
    rows = [languages, (pictures,), *report_choices.buttons(locale, chosen.reports, SETTINGS)]
    if chosen.asks_age and chosen.of_age_since:
        rows.append((Button(say(locale, "button.age_revoke"), f"{SETTINGS}age:no"),))
    elif chosen.asks_age:
        rows.append((Button(say(locale, "button.age_confirm"), f"{SETTINGS}age:yes"),))
    return tuple(rows)
