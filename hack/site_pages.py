#!/usr/bin/env python3
"""`make docs`: the pages of docs/ as a site, built by Zensical from mkdocs.yml into site/.

Owns what stands between the repository and a site: links that lead out of docs/ become pages of the site that show what
they lead to, so that the site is whole by itself. Must not change a page in any other way.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from localcluster.paths import cache_dir

ROOT = Path(__file__).resolve().parent.parent
STAGE = ROOT / ".site"
LINK = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)\s#]+)((?:#[^)\s]*)?)(?=\))")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LANGUAGES = {
    ".py": "python",
    ".sh": "bash",
    ".yaml": "yaml",
    ".txt": "text",
    ".tpl": "yaml",
    "": "dockerfile",
}
# Of a folder of a program only the names are shown; examples are meant to be read.
SHOWN_WHOLE = "examples"


def links(text: str) -> Iterator[re.Match[str]]:
    """Yield the links of a page into this repository, without what stands in code."""
    code = [span.span() for span in CODE.finditer(text)]
    for found in LINK.finditer(text):
        if not any(start <= found.start() < end for start, end in code):
            yield found


def stage(root: Path, target: Path) -> list[Path]:
    """Copy docs/ with every link that leads out of it turned; return what those lead to."""
    docs = root / "docs"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(docs, target)
    sources: set[Path] = set()
    for page in sorted(docs.rglob("*.md")):
        text = page.read_text()
        for found in sorted(links(text), key=lambda one: -one.start()):
            led_to = (page.parent / found[1]).resolve()
            if led_to.is_relative_to(docs) and not led_to.is_dir():
                continue
            sources.add(led_to)
            turned = os.path.relpath(
                source_page(root, target, led_to), target / page.parent.relative_to(docs)
            )
            text = text[: found.start()] + turned + text[found.end() :]
        (target / page.relative_to(docs)).write_text(text)
    for led_to in sources:
        made = source_page(root, target, led_to)
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(shown(root, led_to))
    return sorted(sources)


def source_page(root: Path, target: Path, path: Path) -> Path:
    """Return where the page that shows a file or a folder goes."""
    return target / "source" / f"{path.relative_to(root)}.md"


def shown(root: Path, path: Path) -> str:
    """Return a page that shows a file, or the files of a folder."""
    title = f"# {path.relative_to(root)}\n"
    if path.is_file():
        return f"{title}\n{fenced(path)}"
    files = [one for one in sorted(path.rglob("*")) if one.is_file() and "__pycache__" not in one.parts]
    if path.is_relative_to(root / SHOWN_WHOLE):
        parts = [f"## {one.relative_to(path)}\n\n{fenced(one)}" for one in files]
    else:
        parts = [f"- `{one.relative_to(path)}`" for one in files]
    return title + "\n" + "\n".join(parts) + "\n"


def fenced(path: Path) -> str:
    """Return a file as a block of code."""
    return f"````{LANGUAGES.get(path.suffix, 'text')}\n{path.read_text().rstrip()}\n````\n"


def main() -> int:
    """Stage and build; return the status of Zensical, for which a link that leads nowhere is an error."""
    stage(ROOT, STAGE)
    uv = shutil.which("uv") or str(cache_dir() / "uv" / "bin" / "uv")
    # An environment of its own: the one for development has only what tests need.
    environment = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(cache_dir() / "site-env")}
    zensical = ["zensical", "build", "--clean", "--strict", "--config-file", str(ROOT / "mkdocs.yml")]
    command = [uv, "run", "--quiet", "--frozen", "--only-group", "docs", *zensical]
    status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if status == 0:
        print(f"the site is in {ROOT / 'site'}: open {ROOT / 'site' / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
