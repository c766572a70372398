"""The text of documents, through the process that reads them; and what becomes of files that were made to harm."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil
import pytest

from jobs.documents.extraction import ROOT, extract
from jobs.documents.extractor import csv_lines, html_text
from jobs.documents.extractor.decoding import decoded
from jobs.documents.extractor.limits import MOST_PAGES, PAGE_CHARACTERS
from jobs.documents.refusals import DocumentRefused
from jobs.documents.settings import DocumentSettings
from tests.jobs.documents import made
from tests.jobs.documents.running import readers, started

RUSSIAN = "Поставщик обязуется передать товар, а покупатель — принять и оплатить его."
PICTURE = '<w:p><w:r><w:pict><v:imagedata xmlns:v="urn:schemas-microsoft-com:vml"/></w:pict></w:r></w:p>'


class Reading:
    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []

    async def pages(self, format_: str, data: bytes, **limits: Any) -> list[str]:
        settings = DocumentSettings(_env_file=None, **limits)
        with tempfile.TemporaryFile() as file:
            file.write(data)
            return await extract(file, format_, settings, lambda done, total: self.told.append((done, total)))

    async def refused(self, format_: str, data: bytes, **limits: Any) -> DocumentRefused:
        with pytest.raises(DocumentRefused) as refused:
            await self.pages(format_, data, **limits)
        assert not readers(), "its process is gone"
        return refused.value


@pytest.fixture
def reading() -> Reading:
    return Reading()


async def test_a_pdf_is_read_page_by_page(reading: Reading) -> None:
    long_words = '#set page(width: 5cm)\n#set text(lang: "ru", hyphenate: true)\n#set par(justify: true)\n'
    pages = await reading.pages(
        "pdf", made.pdf(f"{long_words}{RUSSIAN} Электрооборудование высококачественное.", "Η σύμβαση ισχύει.", "")
    )
    assert len(pages) == 3
    # broken words are whole again
    assert " ".join(pages[0].split()) == f"{RUSSIAN} Электрооборудование высококачественное."
    assert pages[1:] == ["Η σύμβαση ισχύει.", ""]
    assert reading.told == [(1, 3), (2, 3), (3, 3)]


async def test_a_word_document_is_read_in_its_order(reading: Reading) -> None:
    [page] = await reading.pages("docx", made.contract_docx())
    assert page.split("\n\n") == [
        "Договор № 7",
        "1. Предмет договора",
        "2. Цена",
        "Товар | Цена\n茶 | 5 €",
        "Срок тридцать дней. Η σύμβαση ισχύει.",
    ]


async def test_a_word_document_keeps_what_stands_in_its_corners(reading: Reading) -> None:
    """Content controls, cells with several paragraphs, nested tables, line breaks; what Word repeats is there once."""
    cell = "<w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc>"
    inner = "<w:tc><w:tbl><w:tr><w:tc><w:p><w:r><w:t>c</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:tc>"
    box = (
        '<w:r><mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
        "<mc:Choice><w:txbxContent><w:p><w:r><w:t>box</w:t></w:r></w:p></w:txbxContent></mc:Choice>"
        "<mc:Fallback><w:p><w:r><w:t>box</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent></w:r>"
    )
    body = (
        "<w:sdt><w:sdtContent><w:p><w:r><w:t>in a control</w:t></w:r></w:p></w:sdtContent></w:sdt>"
        f"<w:tbl><w:tr>{cell}{inner}</w:tr></w:tbl>"
        f"<w:p><w:r><w:t>one</w:t><w:br/><w:t>two</w:t></w:r>{box}</w:p>"
    )
    [page] = await reading.pages("docx", made.docx_of(body))
    assert page.split("\n\n") == ["in a control", "a b | c", "one\ntwo\nbox"]


async def test_a_web_page_reads_as_it_is_seen(reading: Reading) -> None:
    source = (
        "<!doctype html><html><head><title>t</title><style>p {color: red}</style></head><body><h1>Цены</h1>"
        "<script>alert('нет')</script><p>Чай &amp; <b>кофе</b>,<br>сахар</p><ul><li>один</li></ul>"
        "<table><tr><th>A<th>B</tr><tr><td>1</td><td>2</td></tr></table><noscript>нет</noscript></body></html>"
    )
    [page] = await reading.pages("html", source.encode("cp1251"))
    assert page == "Цены\n\nЧай & кофе,\nсахар\n\n- один\n\nA | B\n\n1 | 2"


async def test_a_table_has_its_header_on_every_page(reading: Reading) -> None:
    rows = [f'{number};"товар; №{number}";{"x" * 60}' for number in range(100)]
    pages = await reading.pages("csv", "\n".join(["id;Название;Заметка", *rows]).encode("utf-8-sig"))
    assert len(pages) > 2
    assert {page.splitlines()[0] for page in pages} == {"id | Название | Заметка"}
    lines = [line for page in pages for line in page.splitlines()[1:]]
    assert [line.split(" | ")[1] for line in lines] == [f"товар; №{number}" for number in range(100)]


def test_a_quotation_mark_that_nobody_closed_does_not_swallow_the_rows_below_it() -> None:
    rows = [f"thing {number},{number}" for number in range(100_000)]
    read = "\n".join(csv_lines.lines("\n".join(["name,price", '"unclosed,5', *rows])))
    assert read.startswith("name,price\n")
    assert read.endswith("thing 99999,99999")


def test_a_tag_that_nobody_closed_does_not_hide_the_text_below_it() -> None:
    assert html_text.paragraphs("<html><head><title>Lease</title><p>The fee is 5 euros.") == [
        "Lease", "The fee is 5 euros.",
    ]  # fmt: skip
    assert html_text.paragraphs("<p>One</p><svg><p>Two</p><script>three()") == ["One", "Two"]


async def test_letters_stay_what_they_are(reading: Reading) -> None:
    greek, japanese = "Η σύμβαση μεταξύ των μερών ισχύει.", "本契約は、甲と乙の間で締結される。"
    for encoding, text in (
        ("cp1251", "Цена 500 рублей."),
        ("cp1251", RUSSIAN),
        ("koi8-r", "Цена 500 рублей."),
        ("utf-16", f"{RUSSIAN}\n\n{japanese}"),
        ("utf-16-le", RUSSIAN),
        ("utf-8-sig", f"{greek}\n\n{japanese}"),
        ("cp1253", greek),
        ("cp932", japanese),
        ("cp1252", "Le contrat est conclu « à l’été », déjà signé."),
    ):
        assert decoded(text.encode(encoding)).lstrip("\ufeff") == text, encoding
    wide = f"{RUSSIAN}\n\n{japanese}".encode("utf-16")
    assert await reading.pages("txt", wide) == [f"{RUSSIAN}\n\n{japanese}"]


async def test_what_has_no_pages_is_cut_between_paragraphs(reading: Reading) -> None:
    paragraphs = [f"{number}. " + "Слово. " * 150 for number in range(8)]
    pages = await reading.pages("md", "\n\n".join([*paragraphs, "конец" * 2000]).encode())
    assert [page[:2] for page in pages[:4]] == ["0.", "2.", "4.", "6."]
    assert all(len(page) <= PAGE_CHARACTERS for page in pages)
    assert "".join(pages).count("Слово.") == 8 * 150
    assert "".join(pages).count("конец") >= 1998, "a word without an end is cut where a page is full"


async def test_every_reason_has_a_sentence_of_its_own(reading: Reading) -> None:
    plain = made.docx_of("<w:p><w:r><w:t>x</w:t></w:r></w:p>")
    for format_, data, code in (
        ("pdf", made.scanned_pdf(), "document_scanned"),
        ("pdf", made.encrypted_pdf(), "document_encrypted"),
        ("pdf", made.pdf("x")[:400], "document_broken"),
        ("pdf", made.pdf("", ""), "document_empty"),
        ("pdf", made.many_pages_pdf(MOST_PAGES + 1), "document_too_many_pages"),
        ("docx", made.docx_bomb(), "document_bomb"),
        ("docx", made.locked_archive(plain), "document_encrypted"),
        ("docx", plain[: len(plain) // 2], "document_broken"),
        ("docx", made.docx_of("<w:p/>"), "document_empty"),
        ("docx", made.docx_of(PICTURE), "document_scanned"),
        ("txt", b" \n\n ", "document_empty"),
        ("txt", b"word " * 1_300_000, "document_too_many_pages"),
    ):
        refused = await reading.refused(format_, data)
        assert refused.code == code
        assert "{" not in refused.detail


async def test_an_entity_that_grows_without_end_is_not_let_grow(reading: Reading) -> None:
    grows = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    before = f'<!DOCTYPE x [<!ENTITY l0 "ha">{grows}]>'
    hostile = made.docx_of("<w:p><w:r><w:t>&l9;</w:t></w:r></w:p>", before=before)
    assert (await reading.refused("docx", hostile)).code in ("document_empty", "document_broken")


async def test_a_file_that_wants_too_much_memory_ends_its_process_alone(reading: Reading) -> None:
    body = "<w:p><w:r><w:t>a</w:t></w:r></w:p>" * 550_000
    refused = await reading.refused("docx", made.docx_of(body), extraction_memory=256)
    assert refused.code == "document_too_heavy"
    assert "256 MB" in refused.detail


async def test_a_file_that_is_never_read_to_its_end_is_stopped(reading: Reading) -> None:
    refused = await reading.refused("pdf", made.endless_pdf(), extraction_timeout=1)
    assert refused.code in ("document_too_slow", "document_crashes_reader")
    assert refused.blame == "client"


async def test_a_file_that_kills_its_reader_fails_in_words_and_one_that_is_cancelled_leaves_nothing(
    reading: Reading,
) -> None:
    killed = asyncio.create_task(reading.refused("pdf", made.endless_pdf()))
    (await started()).kill()
    assert (await killed).code == "document_crashes_reader"
    cancelled = asyncio.create_task(reading.pages("pdf", made.endless_pdf()))
    process = await started()
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert not process.is_running()


async def test_the_reader_knows_nothing_of_ours(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    task = asyncio.create_task(reading.refused("pdf", made.endless_pdf(), extraction_timeout=1))
    environment = (await started()).environ()
    await task
    assert "DATABASE_URL" not in environment
    assert set(environment) <= {"PYTHONPATH", "PYTHONUTF8", "PYTHONSAFEPATH", "LC_CTYPE"}


async def test_a_reader_goes_with_the_worker_that_was_killed(tmp_path: Path) -> None:
    file = tmp_path / "endless"
    file.write_bytes(made.endless_pdf())
    code = (
        "import asyncio, sys; from jobs.documents.extraction import extract\n"
        "from jobs.documents.settings import DocumentSettings\n"
        "with open(sys.argv[1], 'rb') as file: asyncio.run(\n"
        " extract(file, 'pdf', DocumentSettings(_env_file=None), lambda done, total: print(done, flush=True)))"
    )
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(file), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert worker.stdout is not None
    assert await worker.stdout.readline() == b"1\n", "it has begun"
    [reader] = psutil.Process(worker.pid).children()
    worker.kill()
    await worker.wait()
    async with asyncio.timeout(60):
        while reader.is_running() and reader.status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110 - it is not ours
            await asyncio.sleep(0.02)
