"""Which files has a bot sent or received, and under which file_id?"""

import io
import secrets
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from sandbox.bot_api.errors import bad_request
from sandbox.bot_api.params import Upload
from sandbox.bot_api.wire import Wire, without_none

PHOTO_LIMIT = 10 * 1024 * 1024
DOCUMENT_LIMIT = 50 * 1024 * 1024
DOWNLOAD_LIMIT = 20 * 1024 * 1024
PHOTO_SIDES = (90, 320, 800, 1280)
LARGEST_SUM, LARGEST_RATIO = 10000, 20
PREFIXES = {"photo": "AgACAgI", "document": "BQACAgI"}


@dataclass(frozen=True)
class StoredFile:
    file_id: str
    file_unique_id: str
    kind: str
    path: str
    content: bytes
    content_type: str
    filename: str | None = None
    width: int | None = None
    height: int | None = None

    def photo_size_wire(self) -> Wire:
        return {
            "file_id": self.file_id,
            "file_unique_id": self.file_unique_id,
            "file_size": len(self.content),
            "width": self.width,
            "height": self.height,
        }

    def document_wire(self) -> Wire:
        return without_none(
            file_name=self.filename,
            mime_type=self.content_type,
            file_id=self.file_id,
            file_unique_id=self.file_unique_id,
            file_size=len(self.content),
        )


@dataclass(frozen=True)
class Photo:
    """All sizes of one picture, smallest first, and the bytes that were uploaded."""

    sizes: tuple[StoredFile, ...]
    uploaded: bytes


class FileStore:
    """The files of one bot: a file_id means nothing to another bot, and stays valid."""

    def __init__(self) -> None:
        self.by_id: dict[str, StoredFile] = {}
        self.by_path: dict[str, StoredFile] = {}
        self.photos: dict[str, Photo] = {}

    def add_photo(self, upload: Upload, renditions: list["Rendition"]) -> Photo:
        sizes = tuple(
            self.add(
                "photo",
                picture.content,
                "image/jpeg",
                extension="jpg",
                width=picture.width,
                height=picture.height,
            )
            for picture in renditions
        )
        photo = Photo(sizes, upload.content)
        self.photos.update({size.file_id: photo for size in sizes})
        return photo

    def add_document(self, upload: Upload) -> StoredFile:
        content_type = upload.content_type or "application/octet-stream"
        extension = upload.filename.rpartition(".")[2] if "." in upload.filename else "bin"
        return self.add("document", upload.content, content_type, extension=extension, filename=upload.filename)

    def add(
        self,
        kind: str,
        content: bytes,
        content_type: str,
        *,
        extension: str,
        filename: str | None = None,
        width: int | None = None,
        height: int | None = None,
    ) -> StoredFile:
        file_id = PREFIXES[kind] + secrets.token_urlsafe(42)
        path = f"{kind}s/file_{len(self.by_id)}.{extension}"
        unique_id = "AQAD" + secrets.token_urlsafe(9)
        stored = StoredFile(file_id, unique_id, kind, path, content, content_type, filename, width, height)
        self.by_id[file_id] = stored
        self.by_path[path] = stored
        return stored

    def photo(self, file_id: str) -> Photo:
        self.find(file_id, "photo")
        return self.photos[file_id]

    def find(self, file_id: str, kind: str) -> StoredFile:
        stored = self.by_id.get(file_id)
        if stored is None:
            raise bad_request("wrong file identifier/HTTP URL specified")
        if stored.kind != kind:
            raise bad_request("type of file mismatch")
        return stored


@dataclass(frozen=True)
class Rendition:
    content: bytes
    width: int
    height: int


def check_photo_size(size: int) -> None:
    if size == 0:
        raise bad_request("file must be non-empty")
    if size > PHOTO_LIMIT:
        raise bad_request(f"file of size {size} bytes is too big for a photo; the maximum size is {PHOTO_LIMIT} bytes")


def render_sizes(content: bytes) -> list[Rendition]:
    """The picture recompressed and scaled down to Telegram's sides, smallest first. Slow: not for the event loop."""
    try:
        picture = Image.open(io.BytesIO(content))
        picture.load()
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as problem:
        raise bad_request("IMAGE_PROCESS_FAILED") from problem
    width, height = picture.size
    if width + height > LARGEST_SUM or max(width, height) > LARGEST_RATIO * min(width, height):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    flat = picture.convert("RGB")
    sides = [side for side in PHOTO_SIDES if side < max(width, height)]
    if max(width, height) <= PHOTO_SIDES[-1]:
        sides.append(max(width, height))
    return [rendition(flat, side) for side in sides]


def rendition(picture: Image.Image, side: int) -> Rendition:
    smaller = picture.copy()
    smaller.thumbnail((side, side))
    output = io.BytesIO()
    smaller.save(output, "JPEG", quality=87)
    return Rendition(output.getvalue(), smaller.width, smaller.height)
