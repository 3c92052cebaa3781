"""What campaigns have shown, as a file, a table, and the part of docs/reliability.md that holds it.

Owns the file's form and the words around figures. Must not run anything.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from chaos.campaigns import CAMPAIGNS
from chaos.parts import WORDS
from chaos.runner import Verdict

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "bench" / "results" / "chaos"
PAGE = ROOT / "docs" / "reliability.md"
BEGIN = "<!-- measured: `make chaos PUBLISH=1` writes from here -->"
END = "<!-- to here -->"
PLANTED = "planted"


def store(part: str, verdicts: Sequence[Verdict], possible: int, seed: int) -> Path:
    """Write what a campaign has shown; return the file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    path = FOLDER / f"{part}-{now:%Y%m%dT%H%M%SZ}.json"
    asked = ["git", "rev-parse", "--short", "HEAD"]
    head = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    told = {
        "part": part,
        "date": f"{now:%Y-%m-%d}",
        "commit": head.stdout.strip(),
        "seed": seed,
        "possible": possible,
        "trials": [asdict(one) for one in verdicts],
    }
    path.write_text(json.dumps(told, indent=1))
    return path


def table(verdicts: Iterable[Verdict], possible: Mapping[str, int]) -> str:
    """Return campaign × trials × failures, as Markdown."""
    by_part: dict[str, list[Verdict]] = {}
    for one in verdicts:
        by_part.setdefault(one.part, []).append(one)
    lines = [
        "| Campaign | What goes wrong | Trials found | Run | Fault came about | Differ |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for part, found in by_part.items():
        words = WORDS.get(part, "")
        struck, wrong = sum(one.is_struck for one in found), sum(bool(one.wrong) for one in found)
        lines.append(
            f"| {part} | {words} | {possible.get(part, len(found))} | {len(found)} | {struck} | {wrong} |"
        )
    return "\n".join(lines)


def publish() -> None:
    """Write the figures of all stored campaigns into the page: of a trial that was run twice, the last."""
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise SystemExit(f"{PAGE} has no lines {BEGIN} and {END}")
    PAGE.write_text(f"{before}{BEGIN}\n\n{_figures()}\n\n{END}{after}")


def _figures() -> str:
    files = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"), key=_moment)]
    last: dict[tuple[str, str, str], Verdict] = {}
    possible: dict[str, int] = {}
    for told in files:
        possible[told["part"]] = max(told["possible"], possible.get(told["part"], 0))
        for one in told["trials"]:
            verdict = Verdict(**{**one, "wrong": tuple(one["wrong"])})
            last[verdict.part, verdict.workload, verdict.plan] = verdict
    ran = [one for one in last.values() if one.part != PLANTED]
    order = [*CAMPAIGNS, *(one.part for one in ran)]
    ran.sort(key=lambda one: order.index(one.part))
    planted = [one for one in last.values() if one.part == PLANTED]
    dates = sorted({told["date"] for told in files})
    workloads = len({one.workload for one in ran})
    return "\n\n".join(
        [
            table(ran, possible),
            f"{len(ran)} trials over {workloads} workloads, {dates[0]} to {dates[-1]} (UTC), "
            f"the last at commit {files[-1]['commit']}; "
            f"seeds {', '.join(sorted({str(told['seed']) for told in files}))}.",
            _caught(planted),
        ]
    )


def _caught(planted: Sequence[Verdict]) -> str:
    if not planted:
        return "The planted bugs have not been run to the end at this commit."
    caught = [one for one in planted if one.wrong]
    lines = ["| Planted bug | Caught | By |", "|---|---|---|"]
    for one in sorted(planted, key=lambda one: one.workload):
        by = f"`{one.plan}`" if one.wrong else ""
        lines.append(f"| `{one.workload}` | {'yes' if one.wrong else 'no'} | {by} |")
    return f"Of {len(planted)} planted bugs {len(caught)} are caught.\n\n" + "\n".join(lines)


def _moment(path: Path) -> str:
    return path.stem.rpartition("-")[2]
