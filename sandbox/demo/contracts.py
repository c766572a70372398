"""Prints sample contracts, each with its changed version, to be uploaded: `python -m sandbox.demo.contracts FOLDER`.

In a process of its own: the demo's would keep what the printing needs.
"""

import shutil
import sys
from pathlib import Path

from sandbox.documents.printing import pdf
from sandbox.documents.samples import pages, samples

# what a small model reads while somebody waits
FIRST_PAGE = "-page1"


def print_contracts(folder: Path) -> None:
    """In English and in Russian, whole and the first pages alone. The folder is there once all of them are."""
    half = folder.with_name(f"{folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    for sample in samples():
        for version, source in {"old": sample.old, "new": sample.new}.items():
            name = f"{sample.name.replace('_', '-')}-{version}"
            (half / f"{name}.pdf").write_bytes(pdf(source, sample.language))
            (half / f"{name}{FIRST_PAGE}.pdf").write_bytes(pdf(pages(source)[0], sample.language))
    half.rename(folder)


if __name__ == "__main__":
    print_contracts(Path(sys.argv[1]))
