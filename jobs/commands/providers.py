"""`postgen providers`, `postgen providers calls` and `postgen providers reset NAME`."""

from jobs.commands.database import opened_database
from jobs.commands.tables import duration, show
from jobs.db.provider import provider_calls, provider_gate, provider_report
from jobs.db.provider.provider_calls import LoggedCall
from jobs.db.provider.provider_report import ProviderReport, SortReport
from jobs.errors import NotFound

NOBODY = "No worker was set up for a provider yet. Start one that serves the queue llm."


async def providers() -> bool:
    async with opened_database() as database:
        found, sorts = await provider_report.report(database)
    if not found:
        print(NOBODY)
        return True
    show(
        ("PROVIDER", "STATE", "IN FLIGHT", "FAILED OF CALLS 1/15/60 MIN", "TODAY", "LEFT"),
        [
            (each.name, _state(each), _of(each.in_flight, each.max_concurrent), _windows(each), *_budget(each))
            for each in found
        ],
    )
    print()
    _show_sorts(sorts)
    for each in found:
        if each.failure and each.failed_at:
            print(f"{each.name}, {each.failed_at:%Y-%m-%d %H:%M:%S} UTC, {each.failure_class}: {each.failure}")
    return True


async def calls(*, errors: bool, provider: str | None, limit: int) -> bool:
    """The newest last, as a log is read."""
    async with opened_database() as database, database.statement() as connection:
        found = await provider_calls.page(connection, limit, provider=provider, errors=errors)
    if not found:
        print("No call is in the log." if not errors else "No call that failed is in the log.")
        return True
    show(
        ("TIME (UTC)", "PROVIDER", "MODEL", "KIND", "JOB", "OUTCOME", "STATUS", "MS", "TOKENS", "ERROR"),
        [
            (
                f"{each.started_at:%Y-%m-%d %H:%M:%S}", each.provider, each.model, each.kind or "",
                str(each.job_id or ""), each.outcome, str(each.status_code or ""), str(each.latency_ms),
                _tokens(each), each.error or "",
            )
            for each in reversed(found)
        ],
    )  # fmt: skip
    return True


async def reset(name: str) -> bool:
    async with opened_database() as database, database.transaction() as connection:
        if not await provider_gate.close(connection, name):
            known = ", ".join(each.name for each in await provider_report.providers(connection))
            raise NotFound(f"There is no provider {name}. There are: {known or 'none yet'}.")
    print(f"{name} is called again. Jobs that wait come back at the time that they were given.")
    return True


def _show_sorts(sorts: list[SortReport]) -> None:
    show(("SORT", "IN FLIGHT"), [(each.sort, _of(each.in_flight, each.max_concurrent)) for each in sorts])


def _state(report: ProviderReport) -> str:
    words = [report.state.replace("_", " ")]
    if report.state == "open":
        words.append(f"tried again in {duration(report.probe_in)}")
    if report.probing:
        words.append("being tried")
    if report.cooling:
        words.append(f"asked for a pause of {duration(report.cooling)}")
    return ", ".join(words)


def _of(now: int, most: int | None) -> str:
    return f"{now} of {most}" if most else str(now)


def _windows(report: ProviderReport) -> str:
    return "  ".join(f"{window.failures}/{window.calls}" for window in report.windows)


def _budget(report: ProviderReport) -> tuple[str, str]:
    return _of(report.used_today, report.daily_calls), "" if report.budget_left is None else str(report.budget_left)


def _tokens(call: LoggedCall) -> str:
    counted = (call.prompt_tokens, call.completion_tokens)
    return " + ".join(str(number) for number in counted if number is not None)
