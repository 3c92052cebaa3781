"""How workers are replaced where no node can take one more: the rollout goes on with one fewer, or waits for a word.

Owns the fallback. Must not do without the last worker: that is for its user to decide.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from tidegate_api.names import REVISION_LABEL
from tidegate_api.rollout import Rollout
from tidegate_operator.conditions import pods as of_pod
from tidegate_operator.desired import Remark, Strategy, Version
from tidegate_operator.facts import Manifest
from tidegate_operator.groups import followers_of
from tidegate_operator.rollout import workers

# So long a scheduler may look for a place: nodes that are on their way take longer, and then nothing was lost.
PATIENCE: Final = timedelta(seconds=60)
_FALLBACK: Final = Strategy(max_surge=0, max_unavailable=1)


def choose(
    asked: Rollout,
    wanted: Version,
    deployment: Manifest | None,
    there: Sequence[Manifest],
    now: datetime,
    *,
    followers: Sequence[Manifest] = (),
) -> tuple[Strategy, Remark | None]:
    """Return how the workers of a pool are replaced, and what is to be said of it.

    `there` are its workers in use, `followers` what computes for them where they are several Pods each. The fallback,
    once taken, lasts until none of them is of another version.
    """
    own = Strategy(asked.max_surge, asked.max_unavailable)
    others = [pod for pod in there if workers.revision_of(pod) != wanted.revision]
    if not others or own.max_unavailable > 0 or own.max_surge == 0:
        return own, None
    new = (one for pod in there if pod not in others for one in (pod, *followers_of(pod, followers)))
    homeless = next((one for one in new if _is_homeless(one, now)), None)
    if _has_fallen_back(deployment, wanted):
        return _FALLBACK, _fallen_back()
    if homeless is None:
        return own, None
    if workers.ready(there) >= 2:
        return _FALLBACK, _fallen_back()
    return own, _blocked(homeless)


def _is_homeless(pod: Manifest, now: datetime) -> bool:
    """Return whether the scheduler has long found no node for a worker."""
    scheduled = of_pod.condition(pod, "PodScheduled")
    since = scheduled.get("lastTransitionTime")
    if scheduled.get("reason") != "Unschedulable" or scheduled.get("status") != "False" or not since:
        return False
    return now - datetime.fromisoformat(since) >= PATIENCE


def _has_fallen_back(deployment: Manifest | None, wanted: Version) -> bool:
    """Return whether it was fallen back for this version already: the Deployment tells, and nothing else has to."""
    if deployment is None:
        return False
    annotations = deployment["metadata"].get("annotations") or {}
    spec = deployment.get("spec") or {}
    rolling = (spec.get("strategy") or {}).get("rollingUpdate") or (
        (spec.get("rolloutStrategy") or {}).get("rollingUpdateConfiguration") or {}
    )
    return annotations.get(REVISION_LABEL) == wanted.revision and rolling.get("maxSurge") == 0


def _fallen_back() -> Remark:
    return Remark(
        "RolloutWithoutSurge",
        "no node can take a worker beyond those wanted, so one of the others is taken down before each new one; "
        "until all are replaced, one worker is missing",
    )


def _blocked(homeless: Manifest) -> Remark:
    words = of_pod.condition(homeless, "PodScheduled").get("message", "no reason given")
    return Remark(
        "RolloutBlocked",
        f"no node can take Pod {of_pod.name(homeless)!r} of the new version ({words}), and the only worker is not "
        "taken down for it: set spec.rollout.maxUnavailable to 1 to do without it for a while, or add a node",
    )
