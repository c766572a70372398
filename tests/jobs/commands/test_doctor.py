"""`postgen doctor`: a line for each thing, with what to do where it does not work."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from jobs.commands import doctor, webhook
from jobs.db.session import Database
from sandbox.bot_api.faults import FaultKind, FaultOrder
from sandbox.bot_api.sandbox import Sandbox
from sandbox.bot_api.server import running_sandbox
from sandbox.comfyui.server import ComfyServer
from sandbox.llm.faults import venice_refusal
from sandbox.llm.scripted import ScriptedLlm
from sandbox.replicate import TOKEN as TOKEN_OF_REPLICATE
from sandbox.replicate import ReplicateServer
from sandbox.serve import serving
from tests.factories import NOWHERE, SECRET, TOKEN, execute

ROOT = Path(__file__).parents[3]
NOWHERE_AT_ALL = "http://127.0.0.1:9"
Examine = Callable[[], Awaitable[dict[str, str]]]


@dataclass
class House:
    """Everything that a working installation has."""

    set: Callable[[str, str], None]
    unset: Callable[[str], None]
    examine: Examine
    bot_api: Sandbox
    llm: ScriptedLlm
    lane: ComfyServer


@pytest.fixture
async def house(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database_url: str, database: Database,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[House]:  # fmt: skip
    monkeypatch.chdir(tmp_path_factory.mktemp("no-dotenv"))
    llm = ScriptedLlm(api_key="key")

    async def examine() -> dict[str, str]:
        """The lines by their subject."""
        capsys.readouterr()
        well = await doctor.examine()
        lines = capsys.readouterr().out.splitlines()
        assert well is not any(line.startswith("FAIL") for line in lines)
        return {line.split()[1]: line for line in lines}

    async with running_sandbox(TOKEN) as telegram, serving(llm.app) as llm_url, ComfyServer() as lane:
        for name, text in {
            "DATABASE_URL": database_url, "TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_WEBHOOK_SECRET": SECRET,
            "TELEGRAM_API_BASE": telegram.url, "PUBLIC_URL": "http://127.0.0.1:9", "COMFYUI_HOSTS": lane.host,
            "VENICE_BASE_URL": f"{llm_url}/v1", "VENICE_API_KEY": "key", "VENICE_MODEL": "scripted",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, text)
        await webhook.register()
        await execute(database, "INSERT INTO procrastinate_workers DEFAULT VALUES")
        yield House(monkeypatch.setenv, monkeypatch.delenv, examine, telegram.sandbox, llm, lane)


async def test_all_is_well(house: House) -> None:
    lines = await house.examine()
    assert list(lines) == ["database", "schema", "workers", "bot", "webhook", "gpu-0", "llm"]
    assert all(line.startswith("ok ") for line in lines.values()), lines
    assert "@sandbox_bot" in lines["bot"]
    assert TOKEN not in str(lines)


async def test_no_database_address(house: House) -> None:
    house.unset("DATABASE_URL")
    lines = await house.examine()
    assert "DATABASE_URL is not set" in lines["database"]
    assert lines["llm"].startswith("ok "), "one trouble hides no other"


@pytest.mark.parametrize("url", [NOWHERE, "gone", "postgresql://u:very-secret@127.0.0.1:port/d"])
async def test_a_database_that_does_not_answer(house: House, database_url: str, url: str) -> None:
    house.set("DATABASE_URL", database_url + "_gone" if url == "gone" else url)
    line = (await house.examine())["database"]
    assert line.startswith("FAIL")
    assert "DATABASE_URL" in line
    assert "secret" not in line


async def test_an_old_schema(house: House, database: Database) -> None:
    await execute(database, "UPDATE alembic_version SET version_num = '0001'")
    lines = await house.examine()
    assert lines["database"].startswith("ok ")
    assert lines["schema"].startswith("FAIL")
    assert "alembic upgrade head" in lines["schema"]


async def test_no_worker(house: House, database: Database) -> None:
    await execute(database, "DELETE FROM procrastinate_workers")
    line = (await house.examine())["workers"]
    assert line.startswith("FAIL workers    0 alive")
    assert "procrastinate --app=jobs.worker.app worker" in line


async def test_a_wrong_token(house: House) -> None:
    house.set("TELEGRAM_BOT_TOKEN", "1000:wrong")
    line = (await house.examine())["bot"]
    assert line.startswith("FAIL")
    assert "TELEGRAM_BOT_TOKEN" in line


async def test_telegram_does_not_answer(house: House) -> None:
    house.bot_api.faults.order(FaultOrder(kind=FaultKind.DROP_BEFORE))
    assert "TELEGRAM_API_BASE" in (await house.examine())["bot"]
    house.set("TELEGRAM_API_BASE", "http://[::1")
    assert "TELEGRAM_API_BASE" in (await house.examine())["bot"]


async def test_telegram_posts_elsewhere(house: House) -> None:
    house.set("PUBLIC_URL", "https://new.example.com/")
    line = (await house.examine())["webhook"]
    assert line.startswith("FAIL")
    assert "not to https://new.example.com/telegram/webhook" in line
    assert "postgen webhook set" in line


async def test_telegram_posts_nowhere(house: House) -> None:
    await webhook.delete()
    assert "posts to nowhere" in (await house.examine())["webhook"]


async def test_updates_wait_because_nobody_takes_them(house: House) -> None:
    anna = house.bot_api.add_user("Anna")
    house.bot_api.person(anna.user_id).send_text("Hi")
    outbox = house.bot_api.bot().outbox
    await house.bot_api.events.wait_for(lambda: True if outbox.waiting()[0].attempts else None, 10)
    line = (await house.examine())["webhook"]
    assert line.startswith("FAIL")
    assert "1 updates wait" in line


async def test_no_public_address(house: House) -> None:
    house.unset("PUBLIC_URL")
    lines = await house.examine()
    assert any("PUBLIC_URL is not set" in line for line in lines.values())


async def test_no_lanes(house: House) -> None:
    house.unset("COMFYUI_HOSTS")
    assert "COMFYUI_HOSTS" in (await house.examine())["lanes"]


async def test_a_lane_that_does_not_answer(house: House) -> None:
    house.set("COMFYUI_HOSTS", f"{house.lane.host},127.0.0.1:9")
    lines = await house.examine()
    assert lines["gpu-0"].startswith("ok ")
    assert lines["gpu-1"].startswith("FAIL")
    assert "127.0.0.1:9" in lines["gpu-1"]


async def test_a_lane_given_with_its_scheme(house: House) -> None:
    """The client of the lanes takes it, so the doctor must."""
    house.set("COMFYUI_HOSTS", house.lane.url)
    assert (await house.examine())["gpu-0"].startswith("ok ")


async def test_a_model_that_refuses_the_key(house: House) -> None:
    house.set("VENICE_API_KEY", "wrong-secret")
    line = (await house.examine())["llm"]
    assert line.startswith("FAIL")
    assert "VENICE_API_KEY" in line
    assert "wrong-secret" not in line


async def test_a_model_that_is_down(house: House) -> None:
    house.llm.fail_next(venice_refusal(503))
    assert "503" in (await house.examine())["llm"]
    house.set("VENICE_BASE_URL", "http://127.0.0.1:9/v1")
    assert "VENICE_BASE_URL" in (await house.examine())["llm"]


async def test_the_model_that_is_asked_is_the_one_that_replies(house: House) -> None:
    house.set("REPLY_LLM", "venice:another")
    await house.examine()
    assert "another" in {request.body["model"] for request in house.llm.requests}


async def test_a_provider_that_does_not_exist(house: House) -> None:
    """The worker refuses to start for it."""
    house.set("REPLY_LLM", "nonsense")
    line = (await house.examine())["llm"]
    assert line.startswith("FAIL")
    assert "REPLY_LLM" in line


def test_the_console_command_exits_with_1_and_no_traceback(tmp_path: Path) -> None:
    program = Path(sys.executable).parent / "postgen"
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": NOWHERE, "VENICE_BASE_URL": "http://127.0.0.1:9/v1"}
    done = subprocess.run(
        [program, "doctor"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert len([line for line in done.stdout.splitlines() if line.startswith("FAIL")]) == 4
    missing = subprocess.run(
        [program, "webhook", "set"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (missing.returncode, missing.stderr.strip().splitlines()[0][:33]) == (1, "postgen: PUBLIC_URL is not set. P")
    assert "Traceback" not in missing.stderr


async def test_remote_providers_of_pictures(house: House) -> None:
    house.unset("COMFYUI_HOSTS")
    house.set("IMAGE_PROVIDERS", "replicate, local")
    lines = await house.examine()
    assert "REPLICATE_API_TOKEN is not set" in lines["replicate"]
    assert "LOCAL_IMAGE_URL is not set" in lines["local"]
    assert "lanes" not in lines, "somebody draws"
    replicate = ReplicateServer(models=["sandbox/landscapes"])
    async with serving(replicate.app) as url:
        for name, text in {
            "REPLICATE_API_TOKEN": TOKEN_OF_REPLICATE, "REPLICATE_BASE_URL": url, "LOCAL_IMAGE_URL": NOWHERE_AT_ALL,
            "REPLICATE_MODEL": "sandbox/landscapes",
        }.items():  # fmt: skip
            house.set(name, text)
        lines = await house.examine()
        assert lines["replicate"].startswith("ok "), lines
        assert "cannot be reached" in lines["local"]
        house.set("REPLICATE_MODEL", "sandbox/portraits")
        assert "REPLICATE_MODEL" in (await house.examine())["replicate"]
        house.set("REPLICATE_API_TOKEN", "r8_wrong_secret")
        line = (await house.examine())["replicate"]
    assert "REPLICATE_API_TOKEN" in line
    assert "wrong_secret" not in line
    assert replicate.orders == [], "looking costs nothing"
    house.set("IMAGE_PROVIDERS", "dalle")
    assert "comfyui, replicate, live3d, local" in (await house.examine())["images"]
