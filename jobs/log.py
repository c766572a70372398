"""Log lines: readable in a console, JSON for machines; with the job and its kind where there is one."""

import logging
import sys

import structlog
from structlog.typing import Processor

from jobs.settings import LogSettings, load

# said by others about each request or job; ours say it better, or DEBUG was asked for
NOISY = ("aiogram", "procrastinate", "websockets", "asyncio")
# these write addresses, and Telegram's hold the bot's token
SECRETIVE = ("httpx", "httpcore")


def configure(process: str, settings: LogSettings | None = None) -> None:
    """Once in each process, at its start."""
    settings = settings or load(LogSettings)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_end(settings)],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    for name in NOISY:
        logging.getLogger(name).setLevel("DEBUG" if settings.log_level == "DEBUG" else "WARNING")
    for name in SECRETIVE:
        logging.getLogger(name).setLevel("WARNING")
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)


def _end(settings: LogSettings) -> list[Processor]:
    if settings.log_format == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    # not the default: that one prints the variables of every frame, secrets among them, and takes seconds to do it
    return [
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    ]
