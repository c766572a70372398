"""`postgen`: what an operator does from a terminal."""

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from jobs.commands import doctor as doctor_command
from jobs.commands import keys as key_commands
from jobs.commands import listen as listen_command
from jobs.commands import media as media_commands
from jobs.commands import personas as persona_commands
from jobs.commands import providers as provider_commands
from jobs.commands import queues as queue_commands
from jobs.commands import refund as refund_command
from jobs.commands import safety as safety_commands
from jobs.commands import webhook as webhook_commands
from jobs.commands import world as world_command
from jobs.errors import PostgenError
from jobs.kinds.world.inputs import MOST_POSTS, MOST_USERS
from jobs.startup import or_exit

app = typer.Typer(help="Operate a Postgen installation.", no_args_is_help=True, add_completion=False)
webhook = typer.Typer(help="The bot's webhook.", no_args_is_help=True)
app.add_typer(webhook, name="webhook")
personas = typer.Typer(help="The characters and their workflows.", no_args_is_help=True)
app.add_typer(personas, name="personas")

keys = typer.Typer(help="Keys of the REST API.", no_args_is_help=True)
app.add_typer(keys, name="keys")

media = typer.Typer(help="Stored pictures and files.", no_args_is_help=True)
app.add_typer(media, name="media")

providers = typer.Typer(help="Who is called outside: breakers, slots, budgets, and the log of calls.")
app.add_typer(providers, name="providers")

safety = typer.Typer(help="What content rules blocked, and who is suspended.", no_args_is_help=True)
app.add_typer(safety, name="safety")

Answer = TypeVar("Answer")
# as README's examples name it; on the server itself the one that it tells others
API_ADDRESS = ["POSTGEN_URL", "PUBLIC_URL"]
QueueName = Annotated[str, typer.Argument(help="A queue, as `postgen queues` names it.", show_default=False)]


def run(work: Coroutine[Any, Any, bool]) -> None:
    """Exit status 1 when `work` says False, or with the sentence of what it cannot do."""
    if not done(work):
        raise typer.Exit(1)


def done(work: Coroutine[Any, Any, Answer]) -> Answer:
    """What `work` comes to. Exit status 1 with the sentence of what it cannot do."""
    try:
        return or_exit("postgen", lambda: asyncio.run(work))
    except PostgenError as error:
        sys.exit(f"postgen: {error.detail}")


@app.command()
def doctor() -> None:
    """Check the database, the bot, the lanes and the language model, and say what to do about each problem."""
    run(doctor_command.examine())


@app.command()
def queues() -> None:
    """What waits and runs in each queue, for how long, and how many workers serve it."""
    run(queue_commands.queues())


@app.command()
def lanes() -> None:
    """The GPUs: health, warm personas, work, expected wait, busy share, failures and memory."""
    run(queue_commands.lanes())


@app.command()
def workers() -> None:
    """Which workers are alive, what they serve, and what each of them runs."""
    run(queue_commands.alive())


@app.command()
def pause(
    name: QueueName,
    drain: Annotated[bool, typer.Option("--drain", help="Of a lane: what waits there still runs.")] = False,
) -> None:
    """Start nothing more in a queue, until it is resumed. What runs already is left alone."""
    run(queue_commands.pause(name, drain=drain))


@app.command()
def resume(name: QueueName) -> None:
    """Let a paused queue go on."""
    run(queue_commands.resume(name))


@app.command()
def purge(
    name: QueueName,
    kind: Annotated[str | None, typer.Option(help="Only jobs of this kind.", show_default=False)] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Cancel the jobs that wait in a queue: says how many, and asks. What runs already is left alone."""
    run(queue_commands.purge(name, kind, ask=lambda question: yes or typer.confirm(question)))


@personas.command("check")
def personas_check(
    lanes: Annotated[bool, typer.Option("--lanes", help="Also ask each lane's ComfyUI for what they need.")] = False,
) -> None:
    """Say which personas are right, and what is wrong with each of the others."""
    run(persona_commands.check(hosts=lanes))


@webhook.command("set")
def webhook_set() -> None:
    """Tell Telegram to post the bot's updates to PUBLIC_URL/telegram/webhook."""
    run(webhook_commands.register())


@webhook.command("delete")
def webhook_delete() -> None:
    """Tell Telegram to stop posting."""
    run(webhook_commands.delete())


@keys.command("create")
def keys_create(
    owner: Annotated[str | None, typer.Option(help="Whose jobs it sees; a new account without.")] = None,
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    scope: Annotated[list[str] | None, typer.Option(help="jobs, admin, or both by naming each.")] = None,
    requests_per_minute: Annotated[int, typer.Option(help="How many requests it may make.")] = 600,
    open_jobs: Annotated[int | None, typer.Option(help="How many open jobs it may have at a time.")] = None,
    days: Annotated[int | None, typer.Option(help="For how long it is good; for ever without.")] = None,
) -> None:
    """Make a key, and show it this once."""
    run(
        key_commands.create(
            owner=owner,
            name=name,
            scopes=scope or ["jobs"],
            requests_per_minute=requests_per_minute,
            open_jobs=open_jobs,
            days=days,
        )
    )


@keys.command("list")
def keys_list() -> None:
    """Every key by its prefix: whose it is, what for, and when it was used last."""
    run(key_commands.list_keys())


@keys.command("revoke")
def keys_revoke(prefix: Annotated[str, typer.Argument(help="As `postgen keys list` shows it.")]) -> None:
    """Make a key useless from now on."""
    run(key_commands.revoke(prefix))


@app.command()
def listen(
    forward: Annotated[str, typer.Option(help="Where to post each event, for instance http://localhost:3000/hook.")],
    api: Annotated[str, typer.Option(help="The API's address.", envvar=API_ADDRESS)] = "http://localhost:8000",
    key: Annotated[str, typer.Option(help="A key of the account.", envvar="POSTGEN_API_KEY")] = "",
    events: Annotated[str, typer.Option(help="Which types, with commas between them.")] = "",
    after: Annotated[str, typer.Option(help="Begin after this event instead of now.")] = "",
    secret: Annotated[str, typer.Option(help="Sign with this whsec_… as an endpoint would.")] = "",
) -> None:
    """Post one's own events to a local address as webhooks would be, without a tunnel."""
    run(listen_command.listen(forward, api=api, key=key, events=events, after=after, secret=secret))


@app.command()
def world(
    prompt: Annotated[str, typer.Option(help="What world, in any language; its texts will be in it.")] = "",
    users: Annotated[int, typer.Option(min=1, max=MOST_USERS, help="How many people live there.")] = 5,
    posts: Annotated[int, typer.Option(min=0, max=MOST_POSTS, help="How many posts they write together.")] = 20,
    pictures: Annotated[
        bool | None,
        typer.Option(help="With pictures, or texts alone; pictures wherever something draws them, unless you say."),
    ] = None,
    follow: Annotated[str, typer.Option(metavar="ID", help="Follow a world that was begun before.")] = "",
    retry: Annotated[str, typer.Option(metavar="ID", help="Make what is missing of a world, and follow it.")] = "",
    cancel: Annotated[str, typer.Option(metavar="ID", help="Stop a world that grows.")] = "",
    api: Annotated[str, typer.Option(help="The API's address.", envvar=API_ADDRESS)] = "http://localhost:8000",
    key: Annotated[str, typer.Option(help="A key of the account.", envvar="POSTGEN_API_KEY")] = "",
) -> None:
    """Grow a world from a sentence, and show how far it is. Ctrl-C leaves it growing.

    Exit status: 0 all of it is there, 1 it is not, 3 something is missing, 130 left while it grows.
    """
    if sum(map(bool, (prompt, follow, retry, cancel))) > 1:
        sys.exit("postgen: Give one of --prompt, --follow, --retry and --cancel.")
    if follow:
        work = world_command.follow(follow, api=api, key=key)
    elif retry:
        work = world_command.retry(retry, api=api, key=key)
    elif cancel:
        work = world_command.cancel(cancel, api=api, key=key)
    else:
        work = world_command.grow(world_command.Wanted(prompt, users, posts, pictures), api=api, key=key)
    raise typer.Exit(done(work))


@providers.callback(invoke_without_command=True)
def providers_state(context: typer.Context) -> None:
    """Breakers, slots and budgets of everybody whom workers call."""
    if context.invoked_subcommand is None:
        run(provider_commands.providers())


@providers.command("calls")
def providers_calls(
    errors: Annotated[bool, typer.Option("--errors", help="Only those that failed.")] = False,
    provider: Annotated[str | None, typer.Option(help="Only this one's.")] = None,
    limit: Annotated[int, typer.Option(help="How many.")] = 50,
) -> None:
    """The log of calls, the newest last."""
    run(provider_commands.calls(errors=errors, provider=provider, limit=limit))


@providers.command("reset")
def providers_reset(name: Annotated[str, typer.Argument(help="As `postgen providers` names it.")]) -> None:
    """Call a provider again although its breaker is open."""
    run(provider_commands.reset(name))


@media.command("check")
def media_check(
    repair: Annotated[
        bool, typer.Option("--repair", help="Remove bytes that nothing refers to, and rows without bytes.")
    ] = False,
    deep: Annotated[bool, typer.Option("--deep", help="Read every file, and compare its hash.")] = False,
) -> None:
    """Say whether every stored file is known and every known file is stored."""
    run(media_commands.check(mend=repair, deep=deep))


@app.command()
def refund(
    charge_id: Annotated[str, typer.Argument(help="Telegram's id of the payment.")],
    user: Annotated[int | None, typer.Option(help="Who paid, for a payment that is not known here.")] = None,
) -> None:
    """Give a person their Telegram Stars back, and take back what these had bought."""
    run(refund_command.refund(charge_id, user_id=user))


@safety.command("blocks")
def safety_blocks(
    owner: Annotated[str | None, typer.Option(help="Only this one's, such as telegram:123.")] = None,
    limit: Annotated[int, typer.Option(help="How many.")] = 50,
) -> None:
    """What was blocked, by which rule: never the text, only its hash. The newest last."""
    run(safety_commands.list_blocks(owner=owner, limit=limit))


@safety.command("suspensions")
def safety_suspensions() -> None:
    """Who is suspended because too much of theirs was blocked."""
    run(safety_commands.suspensions())


@safety.command("lift")
def safety_lift(owner: Annotated[str, typer.Argument(help="As `postgen safety suspensions` shows it.")]) -> None:
    """Accept something from somebody again."""
    run(safety_commands.lift(owner))


@safety.command("measure")
def safety_measure(
    cases: Annotated[Path | None, typer.Argument(help="Labelled cases of your own; the shipped set without.")] = None,
) -> None:
    """Precision and recall of the built-in rules on a labelled set."""
    run(safety_commands.measure(cases))
