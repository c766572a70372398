"""What an operator sets about remote pictures, and what they are told when it is wrong."""

from pathlib import Path
from uuid import uuid4

import pytest

from jobs.errors import Misconfigured
from jobs.providers.image_settings import ReplicateSettings
from jobs.providers.replicate import Replicate, nearest_ratio
from jobs.resources import open_resources
from jobs.settings import CallbackSettings, ImageSettings, load
from tests.jobs.guard.fleet import seen

RIGHT = {"REPLICATE_API_TOKEN": "r8_secret", "REPLICATE_MODEL": "owner/name"}


@pytest.fixture(autouse=True)
def no_dotenv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


async def test_a_worker_of_image_opens_what_is_named_and_shows_its_limits(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    async with open_resources(frozenset({"image"})) as resources:
        with pytest.raises(Misconfigured, match="IMAGE_PROVIDERS"):
            _ = resources.images
    monkeypatch.setenv("IMAGE_PROVIDERS", "comfyui,replicate")
    with pytest.raises(Misconfigured, match="IMAGE_PROVIDERS=comfyui,replicate: REPLICATE_API_TOKEN is not set"):
        async with open_resources(frozenset({"image"})):
            pass
    for name, text in {**RIGHT, "REPLICATE_MAX_CONCURRENT": "3", "PUBLIC_URL": "https://bot.example/"}.items():
        monkeypatch.setenv(name, text)
    async with open_resources(frozenset({"image"})) as resources:
        assert resources.images.models == [("replicate", "owner/name")]
        assert resources.callbacks
        assert resources.callbacks.public_url == "https://bot.example"
        assert (await seen(resources.database, "replicate")).max_concurrent == 3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("REPLICATE_MODEL", "no model"),
        ("REPLICATE_BASE_URL", "replicate.com"),
        ("REPLICATE_INPUT", "not json"),
        ("REPLICATE_INPUT", '{"seed": "{seed}"}'),
        ("REPLICATE_INPUT", '{"prompt": "{prompt}", "n": "{nonsense}"}'),
        ("REPLICATE_TIMEOUT", "1801"),
        ("REPLICATE_WEBHOOK_SECRET", "whsec_short"),
        ("IMAGE_PROVIDERS", "replicate,replicate"),
        ("IMAGE_PROVIDERS", " , "),
    ],
)
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)
    groups = (ReplicateSettings, CallbackSettings, ImageSettings)
    [group] = [each for each in groups if name.lower() in each.model_fields]
    with pytest.raises(Misconfigured, match=name):
        load(group)


def test_what_a_model_takes_is_the_operators_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATE_INPUT", '{"prompt": "{prompt}, photo", "aspect_ratio": "{aspect_ratio}", "steps": 4}')
    assert load(ReplicateSettings).input_template["steps"] == 4
    assert [nearest_ratio(*size) for size in ((1024, 1024), (1920, 1080), (832, 1216), (64, 80))] == [
        "1:1", "16:9", "2:3", "4:5",
    ]  # fmt: skip


def test_replicate_calls_no_address_without_tls() -> None:
    provider = Replicate(
        None, base_url="https://api.replicate.com", token="t", model="m", timeout=60, template={},  # type: ignore[arg-type]  # it asks nobody
    )  # fmt: skip
    assert provider.callback_url("http://bot.example", uuid4()) is None
    assert (provider.callback_url("https://bot.example", uuid4()) or "").startswith("https://bot.example/callbacks/")
