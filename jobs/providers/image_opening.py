"""Which providers of pictures does the queue `image` have? Those of IMAGE_PROVIDERS, in their order."""

from typing import TYPE_CHECKING

from jobs.errors import Misconfigured
from jobs.providers.image_provider import ImageProvider
from jobs.settings import ImageSettings, load

if TYPE_CHECKING:
    import httpx


def open_image_providers(client: "httpx.AsyncClient", settings: ImageSettings) -> list[ImageProvider]:
    """Without the lanes, which have queues of their own. Raises Misconfigured, naming what is missing."""
    opened = []
    for name in settings.remote:
        try:
            opened.append(OPENERS[name](client))
        except Misconfigured as missing:
            raise Misconfigured(f"IMAGE_PROVIDERS={settings.image_providers}: {missing.detail}") from None
    return opened


def _replicate(client: "httpx.AsyncClient") -> ImageProvider:
    from jobs.providers.image_settings import ReplicateSettings
    from jobs.providers.replicate import Replicate

    settings = load(ReplicateSettings)
    return Replicate(
        client, base_url=settings.replicate_base_url, token=settings.token(), model=settings.replicate_model,
        timeout=settings.replicate_timeout, template=settings.input_template,
    )  # fmt: skip


def _live3d(client: "httpx.AsyncClient") -> ImageProvider:
    from jobs.providers.live3d import opened
    from jobs.providers.live3d_settings import Live3dSettings

    return opened(client, load(Live3dSettings))


def _local(client: "httpx.AsyncClient") -> ImageProvider:
    from jobs.providers.a1111 import A1111
    from jobs.providers.a1111_settings import LocalImageSettings

    settings = load(LocalImageSettings)
    return A1111(
        client, base_url=settings.address(), model=settings.local_image_model, timeout=settings.local_image_timeout,
        options=settings.options,
    )  # fmt: skip


OPENERS = {"replicate": _replicate, "live3d": _live3d, "local": _local}
