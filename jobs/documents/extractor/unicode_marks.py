"""How Unicode shows in the bytes of a text: by a mark at its beginning, or by every other byte being one of few."""

import codecs

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# what text has of the signs below the space; Japanese by mail switches its letters with the last one
CONTROLS = "\t\n\r\f\x1b"


def marked(data: bytes) -> str | None:
    """The encoding that the data begin with the mark of."""
    return next((encoding for mark, encoding in MARKS if data.startswith(mark)), None)


def wide(sample: bytes) -> str | None:
    """UTF-16 without a mark: the zero bytes of its spaces and line ends tell which way round it is."""
    if b"\x00" not in sample:
        return None
    encoding = "utf-16-le" if sample[1::2].count(0) > sample[0::2].count(0) else "utf-16-be"
    text = beginning(sample, encoding)
    if text is None or not any(blank in text for blank in " \n\t,;"):
        return None
    return None if any(ord(each) < 32 and each not in CONTROLS for each in text) else encoding


def beginning(data: bytes, encoding: str) -> str | None:
    """None where it is another encoding. A character that the end of `data` cuts in two is left out."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return None
