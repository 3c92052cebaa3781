"""The section "Streams" of the page on reliability, from the figures of a run.

Owns the files of figures and the text between the page's markers. Pure but for `save` and `publish`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

BEGIN: Final = "<!-- streams: begin -->"
END: Final = "<!-- streams: end -->"
ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "reliability.md"
FOLDER: Final = ROOT / "bench" / "results" / "streams"


def rows_of(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a part's figures; most have one."""
    rows: list[dict[str, Any]] = [*result["rows"], result["careless"]] if "rows" in result else [result]
    return rows


def save(name: str, part: dict[str, Any], about: dict[str, Any]) -> Path:
    """Write the figures of a part in place of those it had before; return the file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps({"about": about, **part}, indent=1) + "\n")
    return path


def publish() -> None:
    """Write the section from the figures that there are."""
    figures = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
    PAGE.write_text(put(PAGE.read_text(), section(figures)))


def section(figures: dict[str, Any]) -> str:
    """Return the tables for these figures."""
    makers = {"changes": _changes, "kills": _kills, "slow": _slow, "deletes": _deletes, "idle": _idle}
    return "\n\n".join(make(figures[name]) for name, make in makers.items() if name in figures)


def put(page: str, text: str) -> str:
    """Return a page with this between its markers; raise ValueError if it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def _told(about: dict[str, Any]) -> str:
    return f"seed {about['seed']}, {about['day']}"


def _table(head: str, rows: list[list[object]]) -> str:
    names = head.split(" | ")
    lines = [f"| {head} |", "|---" + "|---:" * (len(names) - 1) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(str(cell) for cell in row)} |" for row in rows)])


def _changes(part: dict[str, Any]) -> str:
    rows: list[list[object]] = [
        [
            row["name"] if row is not part["careless"] else "workers killed instead of drained",
            row["streams"],
            f"{row['tokens']:,}",
            row["times"],
            f"{row['ended']} ({row['open_when_told']})",
            f"**{row['broken']}**",
        ]
        for row in rows_of(part)
    ]
    head = "while | streams | tokens compared | times | Pods that ended (streams open then) | broken"
    return f"Streams through each change ({_told(part['about'])}):\n\n{_table(head, rows)}"


def _kills(part: dict[str, Any]) -> str:
    rows: list[list[object]] = [[kind, count] for kind, count in sorted(part["seen"].items())]
    rows += [
        [f"beside, on the same workers: {kind}", count] for kind, count in sorted(part["beside"].items())
    ]
    text = f"{part['kills']} deaths of workers at a chosen token ({_told(part['about'])}), {len(part['wrong'])} wrong:"
    return f"{text}\n\n{_table('where it died: what its client saw | answers', rows)}"


def _slow(part: dict[str, Any]) -> str:
    rows: list[list[object]] = [[kind, count] for kind, count in sorted(part["ends"].items())]
    good = ", ".join(f"{count} {kind}" for kind, count in part["good"].items())
    return (
        f"{part['slow']} slow clients beside 50 good ones ({_told(part['about'])}). Good answers: {good}. First token, "
        f"p95: {part['p95_alone_ms']:.0f} ms without them, {part['p95_beside_ms']:.0f} ms beside them. Memory of the "
        f"gateway: {part['rss_before_mb']:.0f} MB before, {part['rss_most_mb']:.0f} MB at most, "
        f"{part['growth_per_slow_mb']:.2f} MB for each slow client.\n\n{_table('slow in its | clients', rows)}"
    )


def _deletes(part: dict[str, Any]) -> str:
    rows: list[list[object]] = [
        [way, count, f"{part['seconds'][way]:.0f}"] for way, count in part["deleted"].items()
    ]
    count, told = sum(part["deleted"].values()), _told(part["about"])
    text = f"{count} services deleted with {part['children']} objects ({told}); stuck: {len(part['wrong'])}."
    return f"{text}\n\n{_table('how | services | seconds until all is gone', rows)}"


def _idle(part: dict[str, Any]) -> str:
    return (
        f"Of three workers one has no requests, drawn by lot, and one has to go ({_told(part['about'])}): in "
        f"**{part['idle_went']} of {part['rounds']}** cases it was that one."
    )
