"""`postgen webhook set` and `delete`, against a Bot API."""

from collections.abc import AsyncIterator

import pytest
from aiogram.methods import SetMyCommands, SetWebhook

from jobs.commands import webhook
from jobs.companion.operating.registration import ALLOWED_UPDATES, COMMANDS, MAX_CONNECTIONS, profile
from jobs.companion.wording import say
from jobs.errors import Misconfigured
from sandbox.bot_api.faults import FaultKind, FaultOrder
from sandbox.bot_api.sandbox import Sandbox
from sandbox.bot_api.server import running_sandbox
from tests.factories import SECRET, TOKEN


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    monkeypatch.chdir(tmp_path_factory.mktemp("no-dotenv"))
    async with running_sandbox(TOKEN) as running:
        monkeypatch.setenv("TELEGRAM_API_BASE", running.url)
        monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
        monkeypatch.setenv("TELEGRAM_WEBHOOK_SECRET", SECRET)
        monkeypatch.setenv("PUBLIC_URL", "http://127.0.0.1:9/")
        yield running.sandbox


async def test_set(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    assert await webhook.register()
    first, second = capsys.readouterr().out.splitlines()
    assert first == "Telegram posts updates to http://127.0.0.1:9/telegram/webhook now."
    assert second == "Its commands and its description are in place."
    delivery = sandbox.bot().delivery
    assert delivery is not None
    settings = delivery.settings
    assert (settings.url, settings.secret_token) == ("http://127.0.0.1:9/telegram/webhook", SECRET)
    assert settings.max_connections == MAX_CONNECTIONS
    assert sorted(sandbox.bot().outbox.allowed) == sorted(ALLOWED_UPDATES)
    for language, locale in (("en", "en"), ("de", "en"), ("ru", "ru"), ("uk", "ru"), ("kk", "ru")):
        shown = sandbox.bot().profile.commands_for(sandbox.add_user("Anna", language_code=language))
        described = {each["command"]: each["description"] for each in shown}
        assert described == {name: say(locale, f"command.{name}") for name in COMMANDS}
        assert sandbox.bot().profile.text("description", language) == say(locale, "bot.description")


def test_what_telegram_shows_is_no_longer_than_it_takes() -> None:
    for method, fields in profile():
        if method == "setMyCommands":
            SetMyCommands(**fields)
            assert all(1 <= len(each["description"]) <= 256 for each in fields["commands"])
        else:
            limit = {"setMyDescription": ("description", 512), "setMyShortDescription": ("short_description", 120)}
            name, most = limit[method]
            assert 0 < len(fields[name]) <= most


async def test_commands_that_are_refused_are_said(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    sandbox.faults.order(FaultOrder(kind=FaultKind.TOO_MANY_REQUESTS, method="setMyCommands", retry_after=9))
    assert not await webhook.register()
    assert "Telegram refuses setMyCommands: Too Many Requests" in capsys.readouterr().out


async def test_delete(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    await webhook.register()
    assert await webhook.delete()
    assert sandbox.bot().delivery is None
    assert "posts nothing any more" in capsys.readouterr().out


def test_the_names_are_the_bot_apis() -> None:
    SetWebhook(url="https://x", secret_token="s", allowed_updates=ALLOWED_UPDATES, max_connections=MAX_CONNECTIONS)


async def test_a_wrong_token(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "1000:wrong-secret")
    assert not await webhook.register()
    said = capsys.readouterr().out
    assert said.startswith("Telegram refuses setWebhook: ")
    assert "wrong-secret" not in said


@pytest.mark.parametrize("kind", [FaultKind.BAD_GATEWAY, FaultKind.DROP_BEFORE])
async def test_no_answer(sandbox: Sandbox, capsys: pytest.CaptureFixture[str], kind: FaultKind) -> None:
    sandbox.faults.order(FaultOrder(kind=kind))
    assert not await webhook.register()
    assert capsys.readouterr().out.startswith("Telegram cannot be reached at http://127.0.0.1:")


@pytest.mark.parametrize("name", ["PUBLIC_URL", "TELEGRAM_BOT_TOKEN", "TELEGRAM_WEBHOOK_SECRET"])
async def test_a_missing_setting_is_named(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(Misconfigured, match=f"^{name} is not set"):
        await webhook.register()


async def test_an_address_that_telegram_cannot_be_at(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TELEGRAM_API_BASE", "http://[::1")
    assert not await webhook.register()
    assert "http://[::1" in capsys.readouterr().out
