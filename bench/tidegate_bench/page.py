"""A result on a page of the documentation: the part between two marks, and the drawings beside it.

Owns the marks and the files. Must not know what is told of a result.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

END: Final = "<!-- to here -->"


def date_of(result: Path) -> str:
    """Return the day on which a result was measured, by the moment in its name."""
    moment = datetime.strptime(result.stem.rpartition("-")[2], "%Y%m%dT%H%M%S")
    return f"{moment:%-d %B %Y}"


def write(page: Path, begin: str, lines: Iterable[str], drawings: Mapping[str, str]) -> None:
    """Put lines between the mark `begin` and the end mark; what people wrote around them stays."""
    before, _, rest = page.read_text().partition(begin)
    after = rest.partition(END)[2]
    told = "\n".join(lines)
    page.write_text(f"{before}{begin}\n{told}\n{END}{after}")
    for name, drawing in drawings.items():
        (page.parent / name).write_text(drawing)
    print(f"written to {page}")
