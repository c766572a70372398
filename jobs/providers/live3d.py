"""The provider `live3d`: any service that takes jobs over HTTP, as its operator has described it."""

import json
from typing import Any
from urllib.parse import urlsplit

import httpx

from jobs.providers.http_job import HttpJob, Step, Wire
from jobs.providers.json_template import names_in
from jobs.providers.live3d_settings import Live3dSettings

NAMED = {
    "key": "LIVE3D_API_KEY", "address": "LIVE3D_BASE_URL", "model": "LIVE3D_MODEL and LIVE3D_SUBMIT",
    "hosts": "LIVE3D_PICTURE_HOSTS",
}  # fmt: skip


def opened(client: httpx.AsyncClient, settings: Live3dSettings) -> HttpJob:
    """Raises Misconfigured, naming what is missing."""
    wire, key = wire_of(settings, settings.address()), settings.live3d_api_key.get_secret_value()
    return HttpJob(client, name="live3d", wire=wire, key=key, model=settings.live3d_model, settings=NAMED)


def wire_of(settings: Live3dSettings, base: str) -> Wire:
    hosts, body = _words(settings.live3d_picture_hosts), json.loads(settings.live3d_body)
    has_key = bool(settings.live3d_api_key.get_secret_value())
    return Wire(
        submit=_step(base, settings.live3d_submit, body),
        look=_step(base, settings.live3d_look),
        cancel=_step(base, settings.live3d_cancel),
        headers={
            name: str(text)
            for name, text in json.loads(settings.live3d_headers).items()
            if has_key or "key" not in names_in(text)
        },
        id_at=settings.live3d_id_at,
        status_at=settings.live3d_status_at,
        done=_words(settings.live3d_done),
        failed=_words(settings.live3d_failed),
        picture_at=settings.live3d_picture_at,
        error_at=settings.live3d_error_at,
        hosts=hosts or frozenset([urlsplit(base).hostname or ""]),
        look_after=settings.live3d_look_seconds,
        calls_back="callback_url" in names_in(body),
        overdue_after=settings.live3d_overdue_seconds,
        given_up_after=settings.live3d_timeout,
    )


def _step(base: str, step: str, body: Any = None) -> Step:
    method, _, path = step.partition(" ")
    return Step(method, f"{base}{path}", body) if step else Step()


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.split(",") if word.strip())
