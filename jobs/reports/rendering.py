"""From a report to the bytes of a file. The libraries are loaded by whoever makes such a file, not by doors."""

from jobs.reports.model import Report


def render(report: Report, fmt: str) -> bytes:
    """Takes a moment of the processor: not for an event loop."""
    if fmt == "pdf":
        from jobs.reports.pdf_report import pdf

        return pdf(report)
    if fmt == "docx":
        from jobs.reports.docx_report import docx_file

        return docx_file(report)
    if fmt == "html":
        from jobs.reports.html_report import html

        return html(report)
    from jobs.reports.markdown_report import markdown

    return markdown(report)
