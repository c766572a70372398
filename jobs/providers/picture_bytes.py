"""Are these bytes a whole picture, and which? Nothing is stored that was not looked at."""

import asyncio
import warnings
from io import BytesIO

from jobs.providers.image_failures import Incomplete, NotAPicture

# the largest file, and the most pixels, that anybody is ever sent
LARGEST_PICTURE = 25_000_000
MOST_PIXELS = 40_000_000
CONTENT_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


async def looked_at(data: bytes, who: str) -> str:
    """The content type. Raises NotAPicture or Incomplete. Decodes it all, in a thread of its own."""
    return await asyncio.to_thread(content_type_of, data, who)


def content_type_of(data: bytes, who: str) -> str:
    from PIL import Image, UnidentifiedImageError

    if len(data) > LARGEST_PICTURE:
        raise NotAPicture(f"{who} sent a picture of {len(data)} bytes; the most is {LARGEST_PICTURE}.")
    try:
        with warnings.catch_warnings(), Image.open(BytesIO(data), formats=list(CONTENT_TYPES)) as picture:
            # a bomb is judged by its pixels below, before one is decoded
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            if picture.width * picture.height > MOST_PIXELS:
                raise NotAPicture(
                    f"{who} sent a picture of {picture.width}x{picture.height} pixels, which is too large."
                )
            picture.load()
            return CONTENT_TYPES[picture.format or ""]
    except (UnidentifiedImageError, Image.DecompressionBombError):
        raise NotAPicture(f"{who} sent something that is not a PNG, JPEG or WebP picture.") from None
    except (OSError, SyntaxError, ValueError, EOFError):
        raise Incomplete(f"{who} sent a picture that breaks off or is damaged.") from None
