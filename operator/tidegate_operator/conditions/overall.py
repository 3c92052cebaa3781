"""What the parts add up to: ConfigValid, RouteReady, Ready, Degraded, Progressing, and the phase.

Must not look at Pods: the parts have.
"""

from collections.abc import Sequence

from tidegate_operator.adapters.report import Report
from tidegate_operator.conditions import adapters, model, rollout, workloads
from tidegate_operator.conditions.chain import Finding, Verdict, first, first_by_pool
from tidegate_operator.conditions.scene import PoolScene, Scene
from tidegate_operator.errors import Withheld
from tidegate_operator.reasons import REASONS, Phase
from tidegate_operator.resolve import service_url


def verdicts(scene: Scene, lora: list[Report]) -> list[Verdict]:
    """Return all conditions, Ready first; `lora` is how each adapter stands."""
    parts = [config(scene), model.verdict(scene), workloads.verdict(scene), route(scene)]
    return [ready(scene, parts), *parts, progressing(scene), degraded(scene, lora)]


def config(scene: Scene) -> Verdict:
    """Return what ConfigValid says."""
    if scene.stalled is None or isinstance(scene.stalled, Withheld):
        return Verdict("ConfigValid", "True", Finding("Valid", "The spec is valid."))
    return Verdict("ConfigValid", "False", Finding(scene.stalled.reason, scene.stalled.message))


def route(scene: Scene) -> Verdict:
    """Return what RouteReady says."""
    if scene.observed.gateway_endpoints_ready > 0:
        return Verdict("RouteReady", "True", Finding("GatewayReady", "The gateway answers."))
    gateway = scene.settings.gateway_service
    words = (
        f"no Pod behind Service {gateway.name!r} in namespace {gateway.namespace!r} is ready: "
        f"`kubectl get pods -n {gateway.namespace}` shows the gateway's"
    )
    return Verdict("RouteReady", "False", Finding("GatewayNotReady", words))


def ready(scene: Scene, parts: Sequence[Verdict]) -> Verdict:
    """Return what Ready says: why not, from the first part that says no, before those that do not know."""
    if all(part.status == "True" for part in parts):
        url = service_url(scene.settings)
        words = f"{scene.tally} answer at {url}."
        return Verdict("Ready", "True", Finding("Serving", words))
    if scene.is_at_rest:
        return Verdict("Ready", "False", workloads.at_rest(scene))
    failing = next((part for part in parts if part.status == "False"), None)
    cause = failing or next(part for part in parts if part.status == "Unknown")
    finding = cause.finding
    if scene.stalled is not None and scene.ready > 0:
        words = f"{finding.message}. {scene.ready} workers of the last valid spec still answer."
        finding = Finding(finding.reason, words)
    return Verdict("Ready", "False", finding)


def degraded(scene: Scene, lora: list[Report]) -> Verdict:
    """Return what Degraded says: fewer workers answer than have to, one cannot start, or an adapter has failed."""
    if scene.is_at_rest:
        return Verdict("Degraded", "False", workloads.at_rest(scene))
    if scene.stalled is not None:
        return Verdict("Degraded", "True", Finding(scene.stalled.reason, scene.stalled.message))
    problem = _problem(scene) or adapters.problem(lora) or rollout.failed(scene)
    if problem is not None:
        return Verdict("Degraded", "True", problem)
    return Verdict("Degraded", "False", Finding("Serving", f"{scene.tally} answer."))


def _problem(scene: Scene) -> Finding | None:
    """Return why fewer workers answer than have to, or one cannot start."""
    found = first(model.PROBLEMS, scene) or rollout.blocked(scene) or first_by_pool(workloads.PROBLEMS, scene)
    if found is None and scene.is_below_least:
        return model.loading(scene) or workloads.starting(scene)
    return found


def progressing(scene: Scene) -> Verdict:
    """Return what Progressing says: workers are being made or replaced."""
    if scene.stalled is not None:
        return Verdict("Progressing", "False", Finding(scene.stalled.reason, scene.stalled.message))
    if scene.is_at_rest:
        return Verdict("Progressing", "False", workloads.at_rest(scene))
    held = first_by_pool((workloads.rollout_stalled,), scene) or rollout.blocked(scene)
    if held is not None:
        return Verdict("Progressing", "False", held)
    moving = _moving(scene)
    if moving is not None:
        return Verdict("Progressing", "True", moving)
    done = Finding("WorkersReady", f"All {scene.desired} workers are of the current spec.")
    return Verdict("Progressing", "False", rollout.failed(scene) or rollout.outdated(scene) or done)


def _moving(scene: Scene) -> Finding | None:
    """Return what goes on with workers, None where nothing does."""
    found = rollout.hampered(scene) or rollout.under_way(scene)
    if found is not None:
        return found
    is_made = all(_is_rolled_out(pool) for pool in scene.pools if pool.is_wanted)
    # A version that is decided on is stored before it is built: until then all look as if they were done.
    if not is_made or rollout.is_promoting(scene):
        return _rolling_out(scene)
    return workloads.starting(scene) if scene.is_short else None


def phase(scene: Scene, said: Sequence[Verdict]) -> Phase:
    """Return all of it in one word."""
    by_type = {verdict.type: verdict for verdict in said}
    if scene.is_at_rest:
        return "Suspended"
    if by_type["Ready"].status == "True":
        return "Degraded" if by_type["Degraded"].status == "True" else "Ready"
    reason = REASONS.get(by_type["Ready"].finding.reason)
    return reason.phase if reason is not None else "Failed"


def _is_rolled_out(pool: PoolScene) -> bool:
    generation = (pool.deployment or {}).get("metadata", {}).get("generation", 0)
    return (
        pool.is_applied
        and pool.status.get("observedGeneration", 0) >= generation
        and pool.status.get("updatedReplicas", 0) == pool.status.get("replicas", 0) == pool.desired
    )


def _rolling_out(scene: Scene) -> Finding:
    if scene.ready == 0:
        return workloads.starting(scene)
    made = (pool.status.get("updatedReplicas", 0) for pool in scene.pools if pool.is_applied)
    updated = sum(made) if rollout.is_begun(scene) else 0
    return Finding("RollingOut", f"{updated} of {scene.desired} workers are of the current spec.")
