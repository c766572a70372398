"""A provider that its operator describes: orders, looks, pictures in any form, and settings that say what is wrong."""

import base64
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import Misconfigured
from jobs.providers.failure_class import FailureClass, failure_class
from jobs.providers.http_job import HttpJob
from jobs.providers.image_failures import DrawingFailed
from jobs.providers.image_http import is_host
from jobs.providers.image_provider import Drawn, Ordered
from jobs.providers.json_pointer import NothingThere, at
from jobs.providers.json_template import filled
from jobs.providers.live3d import opened
from jobs.providers.live3d_settings import Live3dSettings
from jobs.settings import load
from sandbox.http_job import HttpJobs
from sandbox.llm.faults import Refusal
from sandbox.serve import serving
from tests.jobs.providers.image_wires import KEY, LIVE3D, asked, drawn, failure, request, size_of

ORDER = UUID("11111111-2222-4333-8444-555555555555")


async def test_an_order_is_looked_at_until_it_is_done() -> None:
    shop = HttpJobs(looks=2, api_key=KEY)
    async with asked(LIVE3D, shop, look_seconds=7, cancel="DELETE /api/v1/generation/{id}") as provider:
        asking = request(order_id=ORDER)
        first = await provider.draw(asking)
        assert isinstance(first, Ordered)
        assert (first.look_in, first.pushes) == (7, False)
        assert await provider.collect(first.prediction_id) == first
        picture = await provider.collect(first.prediction_id)
        assert isinstance(picture, Drawn)
        assert size_of(picture.data) == (64, 80)
        second = await provider.draw(request())
        assert isinstance(second, Ordered)
        await provider.cancel(second.prediction_id)
    assert shop.orders[0].body == {
        "model_id": "", "prompt": "a red fox", "negative_prompt": "blurry", "seed": 2**40 + 7, "width": 64,
        "height": 80,
    }  # fmt: skip
    assert [order.cancelled for order in shop.orders] == [False, True]


async def test_what_it_could_not_draw_and_what_it_did_not_want_to() -> None:
    shop = HttpJobs(api_key=KEY)
    async with asked(LIVE3D, shop) as provider:
        for words, expected in (("no GPU left", FailureClass.TRANSIENT), ("moderation", FailureClass.CONTENT_BLOCKED)):
            shop.fail_with = words
            assert failure_class(await failure(provider)) is expected
        for words, expected in (("bad size", FailureClass.BAD_REQUEST), ("flagged", FailureClass.CONTENT_BLOCKED)):
            # a refusal that calls itself 200
            shop.submit.order(Refusal(200, {"code": 400, "msg": words}))
            assert failure_class(await failure(provider)) is expected


async def test_a_provider_that_answers_at_once_needs_no_looks() -> None:
    shop = HttpJobs(api_key=KEY)
    async with asked(LIVE3D, shop) as provider:
        data = (await drawn(provider)).data
        for form in (base64.b64encode(data).decode(), f"data:image/png;base64,{base64.b64encode(data).decode()}"):
            shop.submit.order(Refusal(200, {"data": {"url": [form]}}))
            found = await provider.draw(request())
            assert isinstance(found, Drawn)
            assert found.data == data


async def test_a_callback_address_is_given_and_a_look_is_then_for_what_is_overdue() -> None:
    shop = HttpJobs(looks=1, api_key=KEY)
    body = '{"prompt": "{prompt}", "notify": {"url": "{callback_url}"}, "size": "{width}x{height}"}'
    async with asked(LIVE3D, shop, body=body, overdue_seconds=90) as provider:
        address = provider.callback_url("https://here", ORDER)
        assert address == f"https://here/callbacks/live3d/{ORDER}"
        told, silent = await provider.draw(request(callback_url=address)), await provider.draw(request())
        assert isinstance(told, Ordered)
        assert isinstance(silent, Ordered)
        assert [(each.look_in, each.pushes) for each in (told, silent)] == [(90, True), (5, False)]
    assert [order.body["notify"] for order in shop.orders] == [{"url": address}, {}]
    async with asked(LIVE3D, shop) as provider:
        assert provider.callback_url("https://here", ORDER) is None, "nobody told it where to call"
    assert shop.orders[0].body["size"] == "64x80"


async def test_an_order_that_never_ends_is_given_up_and_cancelled() -> None:
    shop = HttpJobs(looks=10**6, api_key=KEY)
    async with asked(LIVE3D, shop, timeout=60, cancel="DELETE /api/v1/generation/{id}") as provider:
        ordered = await provider.draw(request())
        assert isinstance(ordered, Ordered)
        assert isinstance(await provider.collect(ordered.prediction_id), Ordered)
        number, _, ordered_at = ordered.prediction_id.rpartition(" ")
        with pytest.raises(DrawingFailed, match="within 60 s"):
            await provider.collect(f"{number} {int(ordered_at) - 61}")
        await provider.cancel("77 0")
    assert shop.orders[0].cancelled


async def test_pictures_come_from_allowed_hosts_only_wherever_redirects_lead() -> None:
    shop = HttpJobs(api_key=KEY)
    async with asked(LIVE3D, shop) as provider:
        await drawn(provider)
        assert "authorization" not in shop.files.requests[-1].headers, "a file's server needs no key of ours"
        shop.files.order(Refusal(302, {}, {"Location": "/files/1.png"}))
        await drawn(provider)
        shop.files.order(*[Refusal(302, {}, {"Location": "/files/1.png"})] * 5)
        assert failure_class(await failure(provider)) is FailureClass.INVALID_OUTPUT
        for address in (
            "http://169.254.169.254/latest",
            "http://anna@127.0.0.1/1",
            "http://[::1",
            "http://127.0.0.1.a/",
        ):
            shop.submit.order(Refusal(200, {"data": {"url": address}}))
            with pytest.raises(Misconfigured, match="LIVE3D_PICTURE_HOSTS"):
                await provider.draw(request())
    assert is_host("cdn.example.com", "*.example.com")
    assert not any(is_host(host, "*.example.com") for host in ("example.com", "evilexample.com", "a.example.com.evil"))


RFC_6901: dict[str, Any] = {
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8,
}  # fmt: skip


def test_the_pointers_of_rfc_6901() -> None:
    assert at(RFC_6901, "") == RFC_6901
    assert at(RFC_6901, "/foo") == ["bar", "baz"]
    found = ["/foo/0", "/", "/a~1b", "/c%d", "/e^f", "/g|h", "/i\\j", '/k"l', "/ ", "/m~0n"]
    assert [at(RFC_6901, pointer) for pointer in found] == ["bar", 0, 1, 2, 3, 4, 5, 6, 7, 8]
    for pointer in ("foo", "/foo/-", "/foo/2", "/foo/01", "/foo/-1", "/foo/٠", "/foo/0/0", "/m~n", "/m~2n", "/nothing"):
        with pytest.raises(NothingThere):
            at(RFC_6901, pointer)


@given(st.text(), st.integers(0, 3))
def test_whatever_a_member_is_called_it_can_be_pointed_at(name: str, index: int) -> None:
    pointer = f"/{name.replace('~', '~0').replace('/', '~1')}/{index}"
    assert at({name: [0, 1, 2, 3], "other": 9}, pointer) == index


@given(st.text(), st.text())
def test_no_prompt_can_change_what_stands_around_it(prompt: str, negative: str) -> None:
    template = {"prompt": "{prompt}", "both": "{prompt}|{negative}", "seed": "{seed}", "as it is": "{unknown} {"}
    assert filled(template, {"prompt": prompt, "negative": negative, "seed": 5}) == {
        "prompt": prompt, "both": f"{prompt}|{negative}", "seed": 5, "as it is": "{unknown} {",
    }  # fmt: skip


async def test_it_is_off_until_somebody_says_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(Misconfigured, match=r"LIVE3D_BASE_URL is not set.*no public API"):
            opened(client, load(Live3dSettings))
        for name, value, words in (
            ("LIVE3D_BASE_URL", "ftp://files", "https://host"),
            ("LIVE3D_BODY", '{"prompt": }', "JSON object"),
            ("LIVE3D_BODY", '{"prompt": "{promt}"}', "LIVE3D_BODY is not valid: it has {promt}"),
            ("LIVE3D_SUBMIT", "/orders", "METHOD /path"),
            ("LIVE3D_LOOK", "GET /orders/{prompt}", "LIVE3D_LOOK is not valid: it has {prompt}"),
            ("LIVE3D_STATUS_AT", "status", "JSON pointer"),
            ("LIVE3D_API_KEY", "ключ", "plain letters"),
        ):
            monkeypatch.setenv(name, value)
            with pytest.raises(Misconfigured, match=words) as raised:
                load(Live3dSettings)
            assert value not in raised.value.detail or name == "LIVE3D_SUBMIT"
            monkeypatch.delenv(name)


async def test_a_service_of_another_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything about it can be set; without a key no header pretends to have one."""
    shop = HttpJobs()
    async with serving(shop.app) as url, httpx.AsyncClient(trust_env=False) as client:
        for name, value in {
            "BASE_URL": f"{url}/api/", "MODEL": "fox/1", "HEADERS": '{"X-Key": "k {key}", "X-Model": "{model}"}',
            "SUBMIT": "POST /v1/generation/generate", "BODY": '{"n": [1, {"of": "{model}"}], "prompt": "{prompt}"}',
            "LOOK": "GET /v1/generation/check_generate_state?ai_art_id={id}", "PICTURE_AT": "/data/url/0",
            "PICTURE_HOSTS": "127.0.0.1, *.cdn.example",
        }.items():  # fmt: skip
            monkeypatch.setenv(f"LIVE3D_{name}", value)
        provider = opened(client, load(Live3dSettings))
        await provider.probe()
        assert (provider.provider, provider.model, isinstance(provider, HttpJob)) == ("live3d", "fox/1", True)
        assert size_of((await drawn(provider)).data) == (64, 64)
    assert shop.orders[0].body == {"n": [1, {"of": "fox/1"}], "prompt": "a red fox"}
    sent = shop.submit.requests[0].headers
    assert (sent.get("x-key"), sent["x-model"]) == (None, "fox/1")
