"""Where bytes are kept: a local folder or any S3, by one API. What is known about them is in the table `media`."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from jobs.db.files.media import StoredFile
from jobs.errors import Blame, Misconfigured, TemporaryError
from jobs.settings import MediaSettings

# what the bytes begin with, and where in them that stands
SIGNATURES = (
    (0, b"\x89PNG", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (8, b"WEBP", "image/webp"),
    (0, b"GIF8", "image/gif"),
    (0, b"%PDF-", "application/pdf"),
    (4, b"ftyp", "video/mp4"),
)
# what one reader holds in memory, however large the file and however slow the reader
CHUNK = 1024 * 1024
# S3 takes no smaller parts but the last
PART = 5 * 1024 * 1024
# the client's own patience is minutes: whoever waits here is told sooner, and asks again
S3_PATIENCE = timedelta(seconds=20)
# for one try, with all its bytes; a picture has a few MB
S3_REQUEST = timedelta(seconds=60)
# files are spread over folders by the beginning of their name
FOLDERS = tuple(f"{number:02x}" for number in range(256))
LISTED_AT_A_TIME = 1000


@dataclass(frozen=True)
class FileInStore:
    key: str
    size: int
    modified_at: datetime


class MediaStore:
    """Raises TemporaryError `media_unreachable` while the store is down: the job waits and loses nothing."""

    def __init__(self, settings: MediaSettings) -> None:
        self.store = _store(settings)

    async def put(self, data: bytes, identity: UUID) -> StoredFile:
        """Under the same identity the bytes are replaced: a re-run after a crash leaves no orphan behind."""
        digest = hashlib.sha256(data).hexdigest()
        stored = StoredFile(identity, key_of(identity), content_type_of(data), len(data), digest)
        try:
            await obstore.put_async(self.store, stored.key, data)
        except (BaseError, OSError) as error:
            raise _unreachable(error) from error
        return stored

    async def put_file(self, file: IO[bytes], stored: StoredFile) -> None:
        """The bytes of `stored`, from the beginning of the file; memory holds a few MB of them at a time."""
        file.seek(0)
        try:
            await obstore.put_async(self.store, stored.key, file, chunk_size=PART, max_concurrency=2)
        except (BaseError, OSError) as error:
            raise _unreachable(error) from error

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

    async def has(self, key: str) -> bool:
        try:
            await obstore.head_async(self.store, key)
        except FileNotFoundError:
            return False
        except (BaseError, OSError) as error:
            raise _unreachable(error) from error
        return True

    async def files(self, folder: str) -> AsyncIterator[FileInStore]:
        """What is kept in one of FOLDERS, in no order."""
        try:
            async for page in obstore.list(self.store, folder, chunk_size=LISTED_AT_A_TIME):
                for each in page:
                    yield FileInStore(each["path"], each["size"], each["last_modified"])
        except (BaseError, OSError) as error:
            raise _unreachable(error) from error

    async def open_range(self, key: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to and without `stop`, in chunks, each of them asked for when it is wanted.

        Raises what `get` raises: before it returns, for what is wrong from the beginning. A file that turns out to be
        shorter counts as unreachable.
        """
        first = await self._chunk(key, start, stop) if start < stop else b""
        return self._from(key, first, start, stop)

    async def _from(self, key: str, chunk: bytes, start: int, stop: int) -> AsyncIterator[bytes]:
        while chunk:
            yield chunk
            start += len(chunk)
            chunk = await self._chunk(key, start, stop) if start < stop else b""

    async def _chunk(self, key: str, start: int, stop: int) -> bytes:
        # not one long answer, which the store would break off under a slow reader
        wanted = min(CHUNK, stop - start)
        try:
            chunk = bytes(await obstore.get_range_async(self.store, key, start=start, length=wanted))
        except FileNotFoundError:
            raise
        except (BaseError, OSError) as error:
            raise _unreachable(error) from error
        if len(chunk) != wanted:
            raise _unreachable(EOFError())
        return chunk


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
        return S3Store(
            bucket,
            prefix=prefix or None,
            config=_s3_config(settings),
            client_options={"timeout": S3_REQUEST},
            retry_config={"retry_timeout": S3_PATIENCE},
        )
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


def key_of(identity: UUID) -> str:
    return f"{identity.hex[:2]}/{identity.hex}"


def content_type_of(data: bytes) -> str:
    """Read from how the bytes begin; the first twelve are enough."""
    for position, signature, content_type in SIGNATURES:
        if data.startswith(signature, position):
            return content_type
    return "application/octet-stream"


class MediaUnreachable(TemporaryError):
    """No fault of what was to be stored, which waits for as long as that takes."""

    code = "media_unreachable"
    blame: Blame = "platform"
    forgiven = None


def _unreachable(error: Exception) -> TemporaryError:
    del error  # its text may hold the address with credentials
    return MediaUnreachable("The media store does not answer.")
