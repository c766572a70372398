"""Under which name is a file saved? As RFC 6266 has it: one of plain letters for all, and the real one in UTF-8."""

from typing import Literal
from urllib.parse import quote

from jobs.db.files.media_names import Called
from jobs.documents.sniffing import CONTENT_TYPES
from jobs.reports.formats import FORMATS, file_name

# other names that say the same
ALIKE = {"html": (".html", ".htm", ".xhtml"), "md": (".md", ".markdown")}
ENDINGS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "video/mp4": "mp4",
    "application/json": "json",
    **{content_type: ending for ending, content_type in CONTENT_TYPES.items()},
    **{each.content_type.partition(";")[0]: ending for ending, each in FORMATS.items()},
}


def ending_of(content_type: str) -> str:
    return ENDINGS.get(content_type.partition(";")[0].strip().lower(), "bin")


def name_of(called: Called) -> str:
    """With the ending that its content has, whatever it was called."""
    if called.title is not None:
        return file_name(called.title, called.format)
    name = called.file_name or "document"
    known = ALIKE.get(called.format, (f".{called.format}",))
    return name if name.lower().endswith(known) else f"{name}.{called.format}"


def disposition(place: Literal["inline", "attachment"], plain: str, name: str | None = None) -> str:
    """The header Content-Disposition. `plain` is ASCII without quotes; `name` may be anything."""
    header = f'{place}; filename="{plain}"'
    return f"{header}; filename*=UTF-8''{quote(name, safe='')}" if name else header
