"""What a rollout has to say in Progressing and Degraded: what it waits for, what has failed, what is not renewed.

Must not decide how far it is: the plan has.
"""

from tidegate_operator.conditions.chain import Finding
from tidegate_operator.conditions.scene import Scene
from tidegate_operator.rollout.facts import State

_BLOCKED = "RolloutBlocked"


def blocked(scene: Scene) -> Finding | None:
    """Find a rollout that can go on only if its user does without a worker, or adds a node."""
    return next((one for one in _remarks(scene) if one.reason == _BLOCKED), None)


def hampered(scene: Scene) -> Finding | None:
    """Find a rollout that goes on otherwise than was asked for."""
    return next(iter(_remarks(scene)), None)


def failed(scene: Scene) -> Finding | None:
    """Find a version that the spec asks for and that was found bad."""
    state = _state(scene)
    if state is None or state.verdict not in ("Failed", "Aborted") or state.phase == "Promoting":
        return None
    if state.phase == "Canary":
        return Finding(
            "RolloutPaused",
            f"version {state.other} gets no request any more: {state.message}; `tidegate rollouts promote` or "
            "`tidegate rollouts abort` says what becomes of it, and so does another spec",
        )
    return Finding(
        "RolloutRolledBack",
        f"version {state.other} was taken back, {state.revision} serves on: {state.message}; it is not tried again "
        f"until the spec changes, or `tidegate services renew {scene.observed.key.name}`",
    )


def under_way(scene: Scene) -> Finding | None:
    """Find a version that is being tried, or taken back."""
    state = _state(scene)
    if state is not None and state.phase == "RollingBack":
        return Finding("RollingBack", f"the workers of version {state.other} finish what they have, and go.")
    if state is None or state.phase != "Canary" or state.verdict == "Failed":
        return None
    steps = scene.plan.course.steps if scene.plan is not None else 0
    return Finding(
        "CanaryRunning",
        f"version {state.other} is tried beside {state.revision}: step {state.step} of {steps}, {state.weight} % of "
        "the conversations; status.rollout has what is awaited.",
    )


def is_promoting(scene: Scene) -> bool:
    """Return whether the workers are to become of another version, also where nothing was changed so far."""
    state = _state(scene)
    return state is not None and state.phase == "Promoting"


def is_begun(scene: Scene) -> bool:
    """Return whether what is built already is the version that the workers are to be of."""
    return scene.plan is None or scene.plan.course.stored.goal == scene.plan.course.next.goal


def outdated(scene: Scene) -> Finding | None:
    """Find workers that are not what would be made now, for no reason that their user has given."""
    if scene.plan is None or not scene.plan.is_outdated:
        return None
    name = scene.observed.key.name
    return Finding(
        "WorkersOutdated",
        "the workers are as an earlier version of the operator, or of its settings, has made them; "
        f"`tidegate services renew {name} -n {scene.observed.key.namespace}` makes them anew.",
    )


def _state(scene: Scene) -> State | None:
    return scene.plan.course.next if scene.plan is not None else None


def _remarks(scene: Scene) -> list[Finding]:
    if scene.plan is None:
        return []
    several = len(scene.pools) > 1
    return [
        Finding(one.reason, f"pool {name!r}: {one.message}" if several else one.message)
        for name, one in scene.plan.remarks.items()
    ]
