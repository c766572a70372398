"""The sample contracts: the changed version differs in what the list says, where it says so, and in nothing else."""

import tempfile

import pytest

from jobs.documents.extraction import extract
from jobs.documents.settings import DocumentSettings
from sandbox.documents import printing
from sandbox.documents.samples import Sample, samples, with_differences

SAMPLES = {each.name: each for each in samples()}


def told_nothing(done: int, total: int) -> None:
    del done, total


async def read(format_: str, data: bytes) -> list[str]:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        pages = await extract(file, format_, DocumentSettings(_env_file=None), told_nothing)
    return [plain(page) for page in pages]


def plain(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", sorted(SAMPLES))
async def test_the_listed_differences_are_all_there_are_and_stand_on_their_pages(name: str) -> None:
    sample: Sample = SAMPLES[name]
    assert with_differences(sample.old, sample.differences) == sample.new
    old, new = [await read("pdf", printing.pdf(each, sample.language)) for each in (sample.old, sample.new)]
    assert (len(old), len(new)) == (4, 4)
    for each in sample.differences:
        assert plain(each.old) in old[each.page - 1], each.title
        assert plain(each.new) in new[each.page - 1], each.title
        assert not each.old or plain(each.old) not in " ".join(new), each.title
        assert not each.new or plain(each.new) not in " ".join(old), each.title
    assert {each.kind for each in sample.differences} == {"changed", "removed", "added"}
    assert {each.severity for each in sample.differences} == {"low", "medium", "high"}
    whole = " ".join(await read("docx", printing.word(sample.new)))
    assert all(plain(each.new) in whole for each in sample.differences)
