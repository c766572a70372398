"""The samples, printed and read as documents are: every planted difference is found, at the page where it stands."""

import re
from pathlib import Path

import pytest

from jobs.analysis.typography import bare
from jobs.db.analyses import reports
from jobs.db.session import Database
from jobs.documents.extraction import extract
from jobs.documents.settings import DocumentSettings
from jobs.reports.model import report_of
from jobs.reports.rendering import render
from sandbox.documents import samples
from sandbox.documents.printing import pdf
from sandbox.documents.samples import Difference, Sample
from sandbox.llm.reading import Planted, reader
from sandbox.ollama import ScriptedOllama
from tests.jobs.analysis.comparing import desk, document

# a model quotes a sentence, no more
LONGEST = 300


def planted(difference: Difference) -> Planted:
    old, new = _words(difference.old), _words(difference.new)
    words = tuple((number, text) for number, text in ((1, old), (2, new)) if text)
    kind = "difference" if difference.kind == "changed" else "missing_part"
    return Planted(words, kind, difference.severity, difference.title)


def _words(text: str) -> str:
    plain = " ".join(text.replace("|", " ").split())
    return plain if len(plain) <= LONGEST else re.split(r"(?<=[.;]) ", plain[:LONGEST])[0]


async def printed(folder: Path, sample: Sample, source: str) -> list[str]:
    file = folder / "sample.pdf"
    file.write_bytes(pdf(source, sample.language))
    with file.open("rb") as opened:
        return await extract(opened, "pdf", DocumentSettings(_env_file=None), lambda done, total: None)


@pytest.mark.parametrize("name", samples.NAMES)
async def test_every_planted_difference_is_in_the_findings_with_its_page(
    database: Database, tmp_path: Path, name: str
) -> None:
    sample = samples.sample(name)
    old, new = [await printed(tmp_path, sample, source) for source in (sample.old, sample.new)]
    script = ScriptedOllama(reader([planted(each) for each in sample.differences]))
    async with desk(database, script, window=8192) as it:
        ids = [await document(database, old, name="old.pdf"), await document(database, new, name="new.pdf")]
        job = await it.ask(ids, language=sample.language, looks_for=["differences", "missing_parts"])
        await it.garden.run_off()
        comparison, findings = await it.look(job)
    async with database.statement() as connection:
        stored = await reports.read(connection, comparison.id)
    assert stored is not None
    report = report_of(stored)
    assert (comparison.status, comparison.partial, comparison.dropped) == ("completed", False, 0)
    assert len([each for each in script.requests if each.body["messages"][0]["role"] == "system"]) > 2, "it was split"
    found = {each.title: each for each in findings}
    for each in sample.differences:
        finding = found.pop(each.title)
        pages = {one["document_id"]: one["page"] for one in finding.quotations}
        wanted = {str(ids[number - 1]): each.page for number, _ in planted(each).words}
        assert (pages, finding.severity) == (wanted, each.severity), each.title
        [told] = [one for one in report.findings if one.title == each.title]
        assert [re.findall(r"\d+", place) for place in told.places] == [[str(each.page)]] * len(wanted), told.places
        assert bare(each.title)[0] in bare(render(report, "md").decode())[0]
    assert found == {}
