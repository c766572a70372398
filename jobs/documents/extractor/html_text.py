"""The text of a web page as a reader sees it: without scripts and styles, one paragraph a block."""

from html.parser import HTMLParser

UNSEEN = {"script", "style", "template", "noscript", "head", "svg", "math", "iframe", "object", "select", "textarea"}
BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "dialog", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html",
    "legend", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr",
    "ul",
}  # fmt: skip
CELLS = {"td", "th"}
# what stands in these is never read as text
PROGRAMS = {"script", "style"}
# nobody nests deeper than this what a reader does not see; whoever does has forgotten to close it
DEEPEST = 50


class _Reader(HTMLParser):
    def __init__(self, hiding: set[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.hiding = hiding
        self.paragraphs: list[str] = []
        self.line: list[str] = []
        self.unseen: list[str] = []
        self.preformatted = 0
        self.cells = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag == "body":
            self.unseen.clear()  # a head that nobody closed
        if tag in self.hiding:
            self.unseen = [*self.unseen, tag][:DEEPEST]
        elif not self.unseen:
            self._open(tag)

    def _open(self, tag: str) -> None:
        if tag in BLOCKS:
            self.end_paragraph()
        if tag == "tr":
            self.cells = 0
        elif tag in CELLS:
            self.line.append(" | " if self.cells else "")
            self.cells += 1
        elif tag == "br":
            self.line.append("\n")
        elif tag == "li":
            self.line.append("- ")
        elif tag == "pre":
            self.preformatted += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in self.unseen:
            del self.unseen[self.unseen.index(tag) :]
        elif not self.unseen and tag in BLOCKS:
            self.end_paragraph()
            self.preformatted = max(0, self.preformatted - (tag == "pre"))

    def handle_data(self, data: str) -> None:
        if self.unseen:
            return
        if self.preformatted:
            self.line.append(data)
            return
        # the sign stands for what is white here and is not a line's end
        words = " ".join(data.split())
        before, after = data[:1].isspace(), data[-1:].isspace()
        self.line.append(f"{' ' if before else ''}{words}{' ' if after and words else ''}")

    def end_paragraph(self) -> None:
        text = "".join(self.line)
        if not self.preformatted:
            text = "\n".join(" ".join(line.split()) for line in text.split("\n"))
        if text.strip(" \n|-"):
            self.paragraphs.append(text.strip("\n"))
        self.line.clear()


def paragraphs(source: str) -> list[str]:
    reader = _read(source, UNSEEN)
    # what nobody closed would hide all that follows
    if unclosed := {*reader.unseen} - PROGRAMS:
        reader = _read(source, UNSEEN - unclosed)
    return reader.paragraphs


def _read(source: str, hiding: set[str]) -> _Reader:
    reader = _Reader(hiding)
    reader.feed(source)
    reader.close()
    reader.preformatted = 0
    reader.end_paragraph()
    return reader
