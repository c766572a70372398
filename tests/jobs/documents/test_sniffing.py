"""Which format is it? What people upload, under whatever name, and what is no document."""

import random
import zipfile
from io import BytesIO

import pytest

from jobs.documents.refusals import DocumentRefused
from jobs.documents.sniffing import LOOKED_AT, format_of
from tests.jobs.documents import made

PROSE = "Dear Anna, the rain has stopped.\nWe went to the sea, and it was cold.\nYours, Boris"
TEXTS = {
    "txt": (
        PROSE, "Договор\n\n1. Стороны, далее по тексту.", "один", "a,b\n", "Name: Anna\nTown: Kyoto\n",
        "Нет, сказал он.\nДа, сказала она.\nНу что ж, сказали все.", "C'est à dire, l'été.\n",
    ),
    "md": ("# Договор\n\nТекст.", "Title\n=====\n\n**bold** text", "| a | b |\n|---|---|\n| 1 | 2 |\n\n**x**"),
    "csv": (
        "id;name\n1;Чай\n2;Кофе\n3;Сок", "a,b,c\n1,2,3", 'date\tsum\n2024-01-01\t5\n2024-01-02\t6\n',
        'name,note\n"Smith, John","said ""hi"""\nAnna,x\n',
    ),
    "html": (
        "<!DOCTYPE html><p>x", "<?xml version='1.0'?>\n<!-- a -->\n<html lang='ru'>", "<div><p>a</p><p>b</p></div>",
        "\n <HTML><body>x",
    ),
}  # fmt: skip


@pytest.mark.parametrize("format_", sorted(TEXTS))
def test_text_is_told_by_its_shape_in_any_encoding(format_: str) -> None:
    for text in TEXTS[format_]:
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1251"):
            data = text.encode(encoding, "ignore")
            assert format_of(data, data) == format_, (text, encoding)


def test_a_pdf_and_a_word_document_are_told_by_their_signatures() -> None:
    pdf, word = made.pdf("x"), made.contract_docx()
    assert format_of(pdf[:LOOKED_AT], pdf[-LOOKED_AT:]) == "pdf"
    assert format_of(b"\r\n" + pdf, b"") == "pdf"
    assert format_of(word[:LOOKED_AT], word[-LOOKED_AT:]) == "docx"


def test_a_character_that_the_first_part_cuts_in_two_does_not_make_it_unknown() -> None:
    data = ("x" + "я" * LOOKED_AT).encode()
    assert format_of(data[:LOOKED_AT], data[-LOOKED_AT:]) == "txt"


def test_what_is_no_document_is_refused_in_words() -> None:
    office = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    for data, code, words in (
        (random.Random(7).randbytes(5000), "document_type_unknown", "neither PDF"),
        (b"\x7fELF\x02\x01\x01" + bytes(500), "document_type_unknown", "neither PDF"),
        (b"\x89PNG\r\n\x1a\n\0\0", "document_type_unknown", "picture"),
        (b"{\\rtf1\\ansi x}", "document_type_unknown", "RTF"),
        (archive("xl/workbook.xml"), "document_type_unknown", "spreadsheet"),
        (archive("ppt/presentation.xml"), "document_type_unknown", "presentation"),
        (archive("photo.jpg"), "document_type_unknown", "archive"),
        (office, "document_type_unknown", "older Office"),
        (office + "EncryptedPackage".encode("utf-16-le"), "document_encrypted", "password"),
        (b"", "document_empty", "empty"),
        (b" \r\n\t", "document_empty", "empty"),
    ):
        with pytest.raises(DocumentRefused, match=words) as refused:
            format_of(data, data)
        assert refused.value.code == code


def archive(name: str) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as opened:
        opened.writestr(name, "x")
    return out.getvalue()
