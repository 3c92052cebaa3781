"""Every reason that a change of an LLMService's workers can give: what it means and what to do.

Owns this part of the vocabulary. Must not decide when a reason applies.
"""

from typing import Final

from tidegate_operator.reason import Reason

OF_ROLLOUTS: Final = (
    Reason(
        "RollingOut",
        "Progressing",
        "Loading",
        "Workers of the current spec are replacing those of the one before, which answer until then.",
    ),
    Reason(
        "CanaryRunning",
        "Progressing",
        "Ready",
        "A new version of the workers is tried on a share of the conversations (`spec.rollout.canary`), beside those "
        "in use; `status.rollout` has its step, its weight and what is thought of it.",
    ),
    Reason(
        "RollingBack",
        "Progressing",
        "Ready",
        "The workers of a version that is not wanted any more finish what they have, and go.",
    ),
    Reason("RolloutStarted", "event", "Ready", "The spec asks for another version of the workers."),
    Reason("RolloutPromoted", "event", "Ready", "All workers are of the new version."),
    Reason(
        "RolloutRolledBack",
        "Degraded, event",
        "Ready",
        "A new version was taken back: it did not start, answered golden prompts otherwise than expected, failed more "
        "requests or took longer to the first token than allowed, or a person has aborted it. The version before "
        "serves on, and `spec` still says what was asked for. As an event also: the spec went back.",
        "The message says what failed. Correct the spec; the version is not tried again until it changes. To try the "
        "same once more: `tidegate services renew NAME`.",
    ),
    Reason(
        "RolloutPaused",
        "Degraded, event",
        "Ready",
        "A new version has failed, and `spec.rollout.canary.analysis.autoRollback` is false: it gets no request, and "
        "its workers stay to be looked at.",
        "`tidegate rollouts promote NAME` or `tidegate rollouts abort NAME`, or another spec.",
    ),
    Reason(
        "RolloutWithoutSurge",
        "Progressing",
        "Ready",
        "No node can take a worker beyond those wanted, for instance because no accelerator is free. The rollout goes "
        "on with one worker fewer until it is done; a new version that does not start costs no more than that one.",
    ),
    Reason(
        "RolloutBlocked",
        "Degraded, Progressing",
        "Ready",
        "No node can take a worker of the new version beside the only one there is, and that one is never taken down "
        "by itself. It serves on, as the version it is.",
        "Set `spec.rollout.maxUnavailable` to 1 to do without it while its successor starts, or add a node.",
    ),
    Reason(
        "WorkersOutdated",
        "Progressing",
        "Ready",
        "The operator, or its settings, would make other workers now than those that are there. An upgrade restarts "
        "none: they stay until their spec changes (`worker.updatePolicy` in the chart).",
        "`tidegate services renew NAME` replaces them as any other rollout does, when it suits you.",
    ),
)
