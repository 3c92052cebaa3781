"""A decision in one sentence.

Owns the words. Must not decide, or leave out what was in the way.
"""

from tidegate_operator.scaling.facts import Clamp, Decision, Term

# What a term's value is, and what its target.
_TERMS = {
    "QueueDepth": ("{value:.0f} requests wait", "{target:.0f} per replica is the target"),
    "KVCacheUtilization": (
        "the KV caches are {value:.0%} full, with what will wait for long",
        "{target:.0%} is the target",
    ),
    "Concurrency": ("{value:.0f} requests wait or run", "one replica takes {target:.0f}"),
    "Forecast": (
        "{value:.1f} replicas' worth of work is expected",
        "with a reserve for what varies",
    ),
    "Attainment": ("{value:.1%} of answers begin in time", "the goal is {target:.0%}"),
}
_OTHERS = {
    "Idle": "nobody asks for it",
    "Asleep": "it sleeps until somebody asks for it",
    "HeldRequests": "gateways hold requests for it",
    "NoData": "nothing could be measured",
    "Fallback": "nothing could be measured",
}


def message(decision: Decision) -> str:
    """Return why a pool has the replicas that are wanted: the number, what binds, and what held it back."""
    reasons = [_binding(decision), *(_clamp(one) for one in decision.clamps)]
    return f"{_number(decision)}: {'; '.join(reasons)}."


def _number(decision: Decision) -> str:
    before, after = decision.current, decision.wanted
    if before == after:
        return f"{after} as before"
    return f"{after} instead of {before}"


def _binding(decision: Decision) -> str:
    if decision.binding in _OTHERS:
        return _OTHERS[decision.binding]
    term = next((one for one in decision.terms if one.name == decision.binding), None)
    return _term(term) if term else decision.binding


def _term(term: Term) -> str:
    value, target = _TERMS[term.name]
    said = f"{value}, {target}".format(value=term.value, target=term.target)
    return f"{said}, which asks for {term.replicas:.1f}"


def _clamp(clamp: Clamp) -> str:
    return f"{clamp.reason}, {clamp.message}"
