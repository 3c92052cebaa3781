"""The site's pages: links out of docs/ become pages of the site, and nothing else of a page changes."""

from pathlib import Path

import site_pages as site


def checkout(root: Path, page: str) -> Path:
    """Make a checkout with one page in docs/how-to, an example and a program; return where its site is staged."""
    for path, text in {
        "docs/how-to/page.md": page,
        "docs/other.md": "# Other\n",
        "examples/01/a.yaml": "kind: A\n",
        "operator/part/b.py": "print()\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root / ".site"


def test_a_link_within_the_docs_and_one_to_elsewhere_stay(tmp_path: Path) -> None:
    page = "[a](../other.md#other) [b](https://example.com/x) [c](#here) ![d](../p.svg)\n"
    target = checkout(tmp_path, page)
    assert site.stage(tmp_path, target) == []
    assert (target / "how-to/page.md").read_text() == page


def test_an_example_is_shown_whole_and_a_program_by_its_files(tmp_path: Path) -> None:
    target = checkout(tmp_path, "[a](../../examples/01) and [b](../../operator/part)\n")
    site.stage(tmp_path, target)
    assert (target / "how-to/page.md").read_text() == (
        "[a](../source/examples/01.md) and [b](../source/operator/part.md)\n"
    )
    assert "## a.yaml\n\n````yaml\nkind: A\n````" in (target / "source/examples/01.md").read_text()
    assert "- `b.py`\n" in (target / "source/operator/part.md").read_text()


def test_a_file_is_shown(tmp_path: Path) -> None:
    target = checkout(tmp_path, "[a](../../operator/part/b.py#L3)\n")
    site.stage(tmp_path, target)
    assert "(../source/operator/part/b.py.md)" in (target / "how-to/page.md").read_text()
    assert "````python\nprint()\n````" in (target / "source/operator/part/b.py.md").read_text()


def test_what_stands_in_code_is_no_link(tmp_path: Path) -> None:
    page = "`[a](../../operator/part)`\n\n```\n[b](../../operator/part)\n```\n"
    target = checkout(tmp_path, page)
    assert site.stage(tmp_path, target) == []
    assert (target / "how-to/page.md").read_text() == page
