"""A report as Markdown, in which whatever documents and models say stays text."""

import re
from collections.abc import Sequence

from jobs.reports.model import Report, ReportFinding

# wherever it stands, this means something to some reader of Markdown
SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~#$&@^])")
# and this at the beginning of a line only
LIST_MARK = re.compile(r"^([-+=:])")
NUMBERED = re.compile(r"^(\d{1,9})([.)])")
# addresses that readers turn into links by themselves
ADDRESS = re.compile(r"(?i)\b(https?|ftp|mailto|xmpp)(:)|\b(www)(\.)")


def markdown(report: Report) -> bytes:
    words = report.labels
    blocks = [f"# {line(report.title)}", f"*{line(words.made_with)}*", _facts(report)]
    blocks += [f"## {words.documents}", _documents(report)]
    if report.summary:
        blocks += [f"## {words.summary}", paragraphs(report.summary)]
    blocks += [f"## {words.findings}", *_findings(report)]
    blocks += [f"## {words.unread}", _unread(report)]
    blocks += [f"## {words.checked}", first(report.dropped)]
    return ("\n\n".join(blocks) + "\n").encode()


def line(text: str) -> str:
    """One line of text, behind something else."""
    text = SPECIAL.sub(r"\\\1", text)
    return ADDRESS.sub(lambda found: f"{found[1] or found[3]}\\{found[2] or found[4]}", text)


def first(text: str) -> str:
    """One line of text with which a line begins."""
    text = line(text)
    if NUMBERED.match(text):
        return NUMBERED.sub(r"\1\\\2", text)
    return LIST_MARK.sub(r"\\\1", text)


def paragraphs(text: str) -> str:
    """Text whose lines stay apart."""
    return "\\\n".join(first(each.strip()) for each in text.splitlines() if each.strip())


def quoted(text: str) -> str:
    return "\n".join(f"> {each}" for each in paragraphs(text).splitlines())


def _facts(report: Report) -> str:
    return "\n".join(f"- **{line(each.name)}**: {line(each.value)}" for each in report.facts)


def _documents(report: Report) -> str:
    words = report.labels
    rows = [(words.number, words.file, words.extent_name, "SHA-256")]
    rows += [(str(each.number), line(each.file_name), line(each.extent), each.sha256) for each in report.documents]
    return _table(rows)


def _findings(report: Report) -> list[str]:
    if not report.findings:
        return [first(report.labels.nothing_found)]
    words = report.labels
    rows = [(words.number, words.severity, words.kind, words.finding, words.where)]
    for each in report.findings:
        places = "; ".join(line(place) for place in each.places)
        rows.append((str(each.number), each.severity_name, line(each.kind_name), line(each.title), places))
    return [_table(rows), *(_finding(each) for each in report.findings)]


def _finding(finding: ReportFinding) -> str:
    parts = [f"### {finding.number}. {line(finding.title)}"]
    parts.append(f"*{line(finding.severity_name)}, {line(finding.kind_name)}*")
    parts += [paragraphs(finding.explanation)] if finding.explanation.strip() else []
    for each in finding.quotations:
        parts.append(f"{quoted(each.text)}\n>\n> — {line(each.place)}")
    return "\n\n".join(parts)


def _unread(report: Report) -> str:
    return "\n".join(f"- {first(each)}" for each in report.unread) or first(report.labels.all_read)


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *others = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *others])
