"""Where bytes are kept: a local folder or any S3, by one API. What is known about them is in the table `media`."""

import hashlib
from pathlib import Path
from typing import Any
from uuid import UUID

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from jobs.db.media import StoredFile
from jobs.errors import Misconfigured, TemporaryError
from jobs.settings import MediaSettings

SIGNATURES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}


class MediaStore:
    """Raises TemporaryError `media_unreachable` while the store is down: the job waits and loses nothing."""

    def __init__(self, settings: MediaSettings) -> None:
        self.store = _store(settings)

    async def put(self, data: bytes, identity: UUID) -> StoredFile:
        """Under the same identity the bytes are replaced: a re-run after a crash leaves no orphan behind."""
        digest = hashlib.sha256(data).hexdigest()
        stored = StoredFile(identity, f"{identity.hex[:2]}/{identity.hex}", _content_type(data), len(data), digest)
        try:
            await obstore.put_async(self.store, stored.key, data)
        except (BaseError, OSError) as error:
            raise _unreachable(error) from error
        return stored

    async def delete(self, keys: list[str]) -> None:
        """Keys that are not there are deleted already."""
        for key in keys:
            try:
                await obstore.delete_async(self.store, key)
            except FileNotFoundError:
                continue
            except (BaseError, OSError) as error:
                raise _unreachable(error) from error

    async def get(self, key: str) -> bytes:
        """Raises FileNotFoundError for a key that is not there."""
        try:
            return bytes(await (await obstore.get_async(self.store, key)).bytes_async())
        except FileNotFoundError:
            raise
        except (BaseError, OSError) as error:
            raise _unreachable(error) from error


def _store(settings: MediaSettings) -> Any:
    scheme, _, place = settings.media_url.partition(":")
    if scheme == "file" and place:
        folder = Path(place.removeprefix("//")).expanduser().resolve()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Misconfigured(f"MEDIA_URL {folder} cannot be made: {error.strerror}.") from None
        return LocalStore(folder)
    bucket, _, prefix = place.removeprefix("//").partition("/")
    if scheme == "s3" and place.startswith("//") and bucket:
        return S3Store(bucket, prefix=prefix or None, config=_s3_config(settings))
    raise Misconfigured("MEDIA_URL is not valid. Use file:./media or s3://bucket.")


def _s3_config(settings: MediaSettings) -> Any:
    config = {"region": settings.s3_region}
    if settings.s3_endpoint:
        config |= {
            "endpoint": settings.s3_endpoint,
            "allow_http": str(settings.s3_endpoint.startswith("http:")).lower(),
        }
    if settings.s3_access_key and settings.s3_secret_key:
        config["access_key_id"] = settings.s3_access_key.get_secret_value()
        config["secret_access_key"] = settings.s3_secret_key.get_secret_value()
    return config


def _content_type(data: bytes) -> str:
    for signature, content_type in SIGNATURES.items():
        if data.startswith(signature):
            return content_type
    return "application/octet-stream"


def _unreachable(error: Exception) -> TemporaryError:
    del error  # its text may hold the address with credentials
    return TemporaryError("The media store does not answer.", code="media_unreachable", blame="platform")
