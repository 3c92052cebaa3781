"""One result out of several runs of single parts: each technique from the first run that nothing disturbed.

Owns the choice. Arms are only ever compared within a run; a technique of which no run was quiet is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tidegate_bench.techniques.bench import MOST_FOREIGN, Measured, judged


def gather(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what runs on one machine with one model have measured, judged anew; raises ValueError where they differ.

    Raises ValueError also for a technique that was measured beside other work in every run.
    """
    for name, of in (("models", _model), ("machines", _machine)):
        told = {of(result) for result in results}
        if len(told) != 1:
            raise ValueError(f"the results are of different {name}: {', '.join(sorted(told))}")
    measured = Measured(model=_model(results[0]))
    for result in results:
        for technique, rounds in result["rounds"].items():
            if rounds and result["foreign_cores"][technique] <= MOST_FOREIGN:
                measured.rounds.setdefault(technique, rounds)
        measured.weights = measured.weights or result["weights"]
        measured.witness = measured.witness or result["witness"]
    disturbed = {technique for result in results for technique in result["rounds"]} - measured.rounds.keys()
    if disturbed:
        raise ValueError(f"measured beside other work in every result: {', '.join(sorted(disturbed))}")
    goals = [{**asdict(goal), "met": goal.is_met} for goal in judged(measured)]
    return {**results[0], **asdict(measured), "goals": goals}


def _model(result: Mapping[str, Any]) -> str:
    return str(result["model"])


def _machine(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    return f"{machine['platform']} with {machine['cores']} cores"
