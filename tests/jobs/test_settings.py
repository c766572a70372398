"""What an operator may set, in every form, and what is said about what is wrong."""

from typing import Any

import asyncpg.connect_utils
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict
from pydantic import BaseModel

from jobs import settings
from jobs.errors import Misconfigured
from jobs.settings import DatabaseSettings, LaneSettings, SettingsGroup, TelegramSettings, TelegramWebhookSettings, load


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("no-dotenv"))
    for group in SettingsGroup.__subclasses__():
        for name in group.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("given_url", "url"),
    [
        ("postgresql://u:p@h/d", "postgresql://u:p@h/d"),
        ("postgres://u:p@h:6432/d?sslmode=require", "postgres://u:p@h:6432/d?sslmode=require"),
        ("postgresql+asyncpg://u:p@h/d", "postgresql://u:p@h/d"),
        ("postgresql+psycopg://u:a+b@h/d", "postgresql://u:a+b@h/d"),
        ("postgresql:///d?host=/run/postgresql", "postgresql:///d?host=/run/postgresql"),
    ],
)
def test_an_address_is_given_to_libpq(monkeypatch: pytest.MonkeyPatch, given_url: str, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", given_url)
    assert load(DatabaseSettings).url == url
    assert load(DatabaseSettings).listen_url == url


def test_another_address_to_listen_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@pooler/d")
    monkeypatch.setenv("DATABASE_LISTEN_URL", "postgresql+asyncpg://u:p@direct/d")
    assert load(DatabaseSettings).listen_url == "postgresql://u:p@direct/d"


@pytest.mark.parametrize(
    "url", ["", " ", "localhost", "host=h dbname=d", "mysql://u:p@h/d", "postgresql://u:p@h:port/d"]
)
def test_what_is_no_address_is_named_at_start(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Otherwise it is a traceback from deep inside a driver, with the password in it."""
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(Misconfigured, match="DATABASE_URL"):
        _ = load(DatabaseSettings).url


EVERY_CHARACTER = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


def understood(url: str) -> dict[str, str]:
    return {name: str(found) for name, found in conninfo_to_dict(url).items() if found is not None}


@given(EVERY_CHARACTER, EVERY_CHARACTER, EVERY_CHARACTER)
def test_parts_of_an_address_may_have_any_character(user: str, password: str, name: str) -> None:
    parts = DatabaseSettings(db_host="h", db_user=user, db_password=password, db_name=name, _env_file=None)
    assert understood(parts.url) == {"host": "h", "port": "5432", "user": user, "password": password, "dbname": name}
    addresses, for_asyncpg = parsed_by_asyncpg(parts.url)
    assert addresses == [("h", 5432)]
    assert (for_asyncpg.user, for_asyncpg.password, for_asyncpg.database) == (user, password, name)


def parsed_by_asyncpg(url: str) -> Any:
    """Its own reading of an address, which it shows nobody otherwise."""
    nothing = dict.fromkeys(
        ("host", "port", "user", "password", "passfile", "database", "ssl", "service", "servicefile",
         "direct_tls", "server_settings", "target_session_attrs", "krbsrvname", "gsslib")
    )  # fmt: skip
    parse: Any = getattr(asyncpg.connect_utils, "_parse_connect_dsn_and_args")  # noqa: B009 - its stubs hide it
    return parse(dsn=url, **nothing)


@pytest.mark.parametrize("host", ["db.example.com", "127.0.0.1", "::1", "fe80::1", "/var/run/postgresql"])
def test_hosts(host: str) -> None:
    parts = DatabaseSettings(db_host=host, db_port=6000, _env_file=None)
    assert (understood(parts.url)["host"], understood(parts.url)["port"]) == (host, "6000")


def test_no_database_is_a_sentence() -> None:
    with pytest.raises(Misconfigured, match=r"^DATABASE_URL is not set\. Say where PostgreSQL is:"):
        _ = load(DatabaseSettings).url


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "")
    with pytest.raises(Misconfigured, match=r"TELEGRAM_BOT_TOKEN is not set"):
        load(TelegramSettings)


def test_the_address_goes_before_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@one/d")
    monkeypatch.setenv("DB_HOST", "two")
    assert load(DatabaseSettings).url == "postgresql://u:p@one/d"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DB_PORT", "many"),
        ("DATABASE_POOLED", "perhaps"),
        ("GENERATION_TIMEOUT", "0"),
        ("MODEL_LOAD_TIMEOUT", "-1"),
        ("VENICE_TIMEOUT", "soon"),
        ("REPLY_CONTEXT_TOKENS", "0"),
        ("RESULT_TTL", "-5"),
        ("WORKER_SHUTDOWN_GRACE", "-1"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)
    [group] = [group for group in SettingsGroup.__subclasses__() if name.lower() in group.model_fields]
    with pytest.raises(Misconfigured, match=rf"^{name} is not valid: "):
        load(group)


@pytest.mark.parametrize("token", ["", "secret", ":secret", "12a:secret", "²:secret"])
def test_a_token_without_the_bots_number(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", token)
    with pytest.raises(Misconfigured, match="TELEGRAM_BOT_TOKEN") as raised:
        _ = load(TelegramSettings).bot_id
    assert "secret" not in raised.value.detail


def test_the_bots_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "12345:ABC:def")
    assert load(TelegramSettings).bot_id == 12345


@pytest.mark.parametrize("secret", ["x" * 257, "with space", "ключ", "a/b", "a\n"])
def test_a_secret_that_telegram_would_refuse(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "1:a")
    monkeypatch.setenv("TELEGRAM_WEBHOOK_SECRET", secret)
    with pytest.raises(Misconfigured, match=r"^TELEGRAM_WEBHOOK_SECRET is not valid") as raised:
        load(TelegramWebhookSettings)
    assert secret not in raised.value.detail


@pytest.mark.parametrize(
    ("text", "hosts"),
    [("", []), (" , ", []), ("one:1", ["one:1"]), (" one:1 ,two:2,", ["one:1", "two:2"])],
)
def test_lanes(text: str, hosts: list[str]) -> None:
    assert LaneSettings(comfyui_hosts=text, _env_file=None).hosts == hosts


def test_a_dotenv_file_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.chdir(str(tmp_path))
    with open(".env", "w") as dotenv:  # noqa: PTH123 - in the folder of the moment, as the product reads it
        dotenv.write("COMFYUI_HOSTS=one:1\nUNKNOWN_THING=1\n")
    assert load(LaneSettings).hosts == ["one:1"]


# secrets that are refused unless they look like one
IN_FORM = {"replicate_webhook_secret": f"whsec_{'very/secret/' * 3}"}


def test_no_secret_is_shown_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, group in groups().items():
        for field, about in group.model_fields.items():
            if "SecretStr" in str(about.annotation):
                monkeypatch.setenv(field.upper(), IN_FORM.get(field, "1:very-secret"))
        if name == "TelegramWebhookSettings":
            monkeypatch.setenv("TELEGRAM_WEBHOOK_SECRET", "very-secret")
        shown = repr(load(group))
        assert all(secret not in shown for secret in ("very-secret", *IN_FORM.values()))


def test_every_name_that_holds_a_secret_is_a_secret() -> None:
    for group in groups().values():
        for field, about in group.model_fields.items():
            if field.endswith(("_key", "_token", "_secret", "_password", "database_url")):
                assert "SecretStr" in str(about.annotation), field


def groups() -> dict[str, type[SettingsGroup]]:
    return {
        name: group
        for name, group in vars(settings).items()
        if isinstance(group, type) and issubclass(group, SettingsGroup) and group is not SettingsGroup
        and issubclass(group, BaseModel)
    }  # fmt: skip
