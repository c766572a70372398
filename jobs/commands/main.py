"""`postgen`: what an operator does from a terminal."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import typer

from jobs.commands import doctor as doctor_command
from jobs.commands import webhook as webhook_commands
from jobs.startup import or_exit

app = typer.Typer(help="Operate a Postgen installation.", no_args_is_help=True, add_completion=False)
webhook = typer.Typer(help="The bot's webhook.", no_args_is_help=True)
app.add_typer(webhook, name="webhook")


def run(work: Coroutine[Any, Any, bool]) -> None:
    """Exit status 1 when `work` says False, or with the sentence of a setting that is missing."""
    if not or_exit("postgen", lambda: asyncio.run(work)):
        raise typer.Exit(1)


@app.command()
def doctor() -> None:
    """Check the database, the bot, the lanes and the language model, and say what to do about each problem."""
    run(doctor_command.examine())


@webhook.command("set")
def webhook_set() -> None:
    """Tell Telegram to post the bot's updates to PUBLIC_URL/telegram/webhook."""
    run(webhook_commands.register())


@webhook.command("delete")
def webhook_delete() -> None:
    """Tell Telegram to stop posting."""
    run(webhook_commands.delete())
