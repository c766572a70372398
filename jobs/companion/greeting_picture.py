"""Which picture greets for a persona, and can Telegram take it? Pixels are not looked at: processes start fast."""

from pathlib import Path

from jobs.errors import Misconfigured

NAME = "greeting"
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
# Telegram's limit for a photo
LARGEST = 10 * 1024 * 1024
LONGEST_SIGNATURE = 12


def find(folder: Path) -> Path | None:
    """None where there is no greeting.{jpg,jpeg,png,webp}. Raises Misconfigured for one that cannot be sent."""
    found = sorted(path for path in folder.iterdir() if _is_named_so(path))
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise Misconfigured(f"There are several greeting pictures, {names}: keep one of them.")
    for path in found:
        _require_picture(path)
    return found[0] if found else None


def _is_named_so(path: Path) -> bool:
    return path.stem.lower() == NAME and path.suffix.lower() in SUFFIXES


def _require_picture(path: Path) -> None:
    try:
        with path.open("rb") as file:
            beginning = file.read(LONGEST_SIGNATURE)
        size = path.stat().st_size
    except OSError as error:
        raise Misconfigured(f"The greeting picture {path.name} cannot be read: {error.strerror}.") from None
    if not _is_picture(beginning):
        detail = f"The greeting picture {path.name} is not a JPEG, PNG or WebP. Save it as one of these, or remove it."
        raise Misconfigured(detail)
    if size > LARGEST:
        has = f"The greeting picture {path.name} has {size / 2**20:.1f} MB"
        raise Misconfigured(f"{has}; Telegram takes at most 10 MB. Make it smaller.")


def _is_picture(beginning: bytes) -> bool:
    is_webp = beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP"
    return beginning.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or is_webp
