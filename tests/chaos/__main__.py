"""`python -m chaos`: runs campaigns and says what each trial showed; ends with 1 if one differs from clean runs."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from chaos import planted, results
from chaos.campaigns import CAMPAIGNS, sample, trials
from chaos.faults import Plan
from chaos.parts import PARTS
from chaos.proof import WORKLOADS as OF_PROOF
from chaos.proof import prove
from chaos.runner import Clean, Unclean, Verdict, clean, show, verdicts
from chaos.workloads import WORKLOADS
from chaos.world import Ground, plane

JOBS = 6


def main(argv: Sequence[str]) -> int:
    """Run what the words ask for."""
    asked = words().parse_args(argv)
    if asked.publish:
        results.publish()
        return 0
    with plane() as on:
        compared = [one for one in asked.part or ["all"] if one not in PARTS or PARTS[one].is_compared]
        names = asked.workload or list(OF_PROOF if asked.part == [results.PLANTED] else WORKLOADS)
        against = clean(on, names, asked.jobs) if compared else {}
        for name, found in against.items():
            loose = len(found.reference.loose)
            print(f"{name}: {len(found.places)} places, {loose} fields differ by themselves", flush=True)
        if asked.plan and not (asked.part and asked.part[0] in PARTS):
            plan = [(name, Plan.read(asked.plan)) for name in against]
            return ran(verdicts(on, "again", plan, against, jobs=asked.jobs, bug=asked.bug))
        parts = asked.part or [*CAMPAIGNS, *PARTS]
        status = proven(on, asked, against) if results.PLANTED in parts else 0
        return max(status, campaigns(on, asked, against, [one for one in parts if one != results.PLANTED]))


def words() -> argparse.ArgumentParser:
    """Return what can be asked for."""
    found = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parts = [*CAMPAIGNS, *PARTS, results.PLANTED]
    found.add_argument("--part", choices=parts, action="append", help="campaigns; default: all but planted")
    found.add_argument("--workload", action="append", help=f"of {', '.join(WORKLOADS)}; default: all")
    found.add_argument("--trials", type=int, default=10**9, help="draw so many trials of each campaign")
    found.add_argument("--seed", type=int, default=0, help="which are drawn")
    found.add_argument("--plan", help="one trial again, by its name, such as FAULT@VERB:TARGET#NUMBER")
    found.add_argument("--bug", choices=list(planted.BUGS), help="plant a bug: the trials must catch it")
    found.add_argument("--jobs", type=int, default=JOBS, help=f"trials side by side; default: {JOBS}")
    found.add_argument("--publish", action="store_true", help="write stored figures into docs/reliability.md")
    return found


def campaigns(on: Ground, asked: argparse.Namespace, against: dict[str, Clean], parts: Sequence[str]) -> int:
    """Run campaigns; return how the program is to end."""
    places = {name: found.places for name, found in against.items()}
    ended: list[Verdict] = []
    possible = {}
    for part in parts:
        own = PARTS.get(part)
        every: Sequence[tuple[str, object]] = (
            trials(part, places) if own is None else own.trials(list(against), asked.seed)
        )
        if own is not None and asked.plan:
            every = [(name, asked.plan) for name in asked.workload]
        drawn, possible[part] = sample(every, asked.trials, asked.seed), len(every)
        print(f"\n== {part}: {len(drawn)} of {len(every)} trials", flush=True)
        found = []
        try:
            for verdict in (
                verdicts(on, part, drawn, against, jobs=asked.jobs, bug=asked.bug)
                if own is None
                else own.verdicts(on, drawn, against, asked.jobs, asked.seed)
            ):
                show(verdict)
                found.append(verdict)
        finally:
            if found and asked.bug is None:
                print(f"stored in {results.store(part, found, len(every), asked.seed)}", flush=True)
        ended += found
    if ended:
        print(f"\n{results.table(ended, possible)}")
    return 1 if any(one.wrong for one in ended) else 0


def proven(on: Ground, asked: argparse.Namespace, against: dict[str, Clean]) -> int:
    """Plant every bug; return 1 unless all but one are caught."""
    found = []
    for verdict in prove(on, against, list(planted.BUGS), asked.seed, asked.jobs):
        print(f"{'caught' if verdict.wrong else 'MISSED':<8}{verdict.workload:<26}{verdict.plan}", flush=True)
        for line in verdict.wrong[:2]:
            print(f"        {line[:300]}", flush=True)
        found.append(verdict)
    caught = sum(bool(one.wrong) for one in found)
    print(
        f"{caught} of {len(found)} caught; stored in {results.store(results.PLANTED, found, len(found), asked.seed)}"
    )
    return 0 if caught >= len(found) - 1 else 1


def ran(found: Sequence[Verdict]) -> int:
    """Show what was run again."""
    ended = list(found)
    for verdict in ended:
        show(verdict)
    return 1 if any(one.wrong for one in ended) else 0


if __name__ == "__main__":
    began = time.monotonic()
    try:
        status = main(sys.argv[1:])
    except Unclean as error:
        print(f"error: {error}\nwhat to do: fewer side by side (JOBS=2), or a machine that has less to do")
        status = 2
    print(f"in {time.monotonic() - began:.0f} s")
    sys.exit(status)
