"""How a person wants their reports: the part of /settings that is stored where the API stores it."""

from jobs.companion.analyses import report_choices
from jobs.companion.wording import say
from jobs.db.analyses import report_preferences
from jobs.owners import of_person
from webhook.visit import Visit


async def change(visit: Visit, what: str, to: str) -> str | None:
    """`what` was pressed: "format" or "report", the language. Why nothing was changed; None for what is not meant."""
    owner = of_person(visit.user.user_id)
    chosen = await report_preferences.read(visit.connection, owner)
    formats, language = list(chosen.report_formats), chosen.language
    name, _, wanted = to.partition(":")
    if what == "format" and name in report_choices.FORMATS:
        formats = list(report_choices.with_format(chosen, name, wanted=wanted == "on"))
        if not formats:
            return say(visit.locale, "settings.last_format")
    elif what == "report" and name in (report_choices.ANY, *report_choices.LANGUAGES):
        language = None if name == report_choices.ANY else name
    else:
        return None
    await report_preferences.write(visit.connection, owner, report_formats=formats, language=language)
    return None
