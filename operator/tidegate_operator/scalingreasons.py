"""Every reason that a decision about replicas can give: what it means and what to do.

Owns this part of the vocabulary. Must not decide when a reason applies.
"""

from typing import Final

from tidegate_operator.reason import Reason

OF_SCALING: Final = (
    Reason(
        "FollowingDemand",
        "ScalingActive",
        "Ready",
        "Tidegate sets the replicas of every pool; `status.scaling` has what they follow from.",
    ),
    Reason(
        "NotDecidedYet",
        "ScalingActive",
        "Loading",
        "Nothing was measured yet since scaling was turned on. The workers stay as many as there are; it takes some "
        "seconds.",
    ),
    Reason(
        "AdviseOnly",
        "ScalingActive",
        "Ready",
        "`spec.scaling.mode` is Advise: `status.scaling` has what Tidegate would do, and nothing is done.",
    ),
    Reason(
        "ScaledExternally",
        "ScalingActive",
        "Ready",
        "`spec.scaling.mode` is External: the replicas of the pools' Deployments belong to whoever sets them. "
        "HorizontalPodAutoscalers that do are named.",
    ),
    Reason(
        "ScalingOff",
        "ScalingActive",
        "Ready",
        "`spec.scaling.mode` is Off: the workers stay as many as there are.",
    ),
    Reason(
        "ScalingConflict",
        "ScalingActive",
        "Ready",
        "In mode Auto a HorizontalPodAutoscaler, of your own or made by KEDA, scales the same Deployment. Tidegate "
        "does not fight with it: it leaves that pool alone.",
        "Delete the HorizontalPodAutoscaler or the ScaledObject that the message names, or set `spec.scaling.mode` to "
        "External.",
    ),
    Reason(
        "MetricsUnavailable",
        "ScalingActive",
        "Ready",
        "Neither the gateways nor any worker could be read. What is not known is not zero: the workers stay as many as "
        "there are, or become as many as `spec.scaling.fallback` says if that is more.",
        "The message says what could not be read and why. Look whether the gateways are ready, whether Prometheus "
        "answers (the chart's `prometheus.url`), and whether the operator may reach the workers' port 8000.",
    ),
    Reason(
        "MetricsIncomplete",
        "ScalingActive",
        "Ready",
        "A gateway or a worker could not be read, and either that keeps workers or it has been so for half a minute. "
        "Workers are added by what is known, and none is taken away.",
    ),
    Reason(
        "WorkerUnread",
        "ScalingActive, clamp in status.scaling, event",
        "Ready",
        "A worker that answers requests could not be read for five minutes, or for as long as "
        "`spec.scaling.fallback.failureThreshold` says. What it does is not known, so it counts as full: others may go "
        "once nobody needs them, one that can be read stays beside it, and the pool does not sleep.",
        "The message names the Pod and the reason. Let the operator, and Prometheus if there is one, reach port 8000 "
        "of the workers: a NetworkPolicy may be in the way. If the worker itself is deaf there, delete the Pod.",
    ),
    Reason(
        "ResourceConstrained",
        "ScalingActive",
        "Ready",
        "A pool needs more workers than it can have: accelerators or money are used up, or new workers cannot start.",
        "The message says which. Raise the chart's `scaling.maxAccelerators` or `spec.scaling.maxHourlyCost`, or give "
        "the cluster the nodes or the quota that its Pods wait for.",
    ),
    Reason("ScaledUp", "event", "Ready", "More workers are wanted; the message says why."),
    Reason(
        "ScaledDown",
        "event",
        "Ready",
        "Fewer workers are wanted; the message says why. Those that go finish what they have first.",
    ),
    Reason("Woken", "event", "Loading", "A pool that slept gets workers, because somebody asks for it."),
    Reason("CappedByMax", "clamp in status.scaling", "Ready", "More is asked for than `maxReplicas` allows."),
    Reason(
        "CappedByBudget",
        "clamp in status.scaling",
        "Ready",
        "All accelerators that the chart's `scaling.maxAccelerators` allows are in use, and others need them more.",
    ),
    Reason(
        "CappedByCost",
        "clamp in status.scaling",
        "Ready",
        "More would cost more than `maxHourlyCost` allows.",
    ),
    Reason("RaisedToMin", "clamp in status.scaling", "Ready", "Less is asked for than `minReplicas`."),
    Reason(
        "RaisedBySchedule",
        "clamp in status.scaling",
        "Ready",
        "A schedule keeps more workers than are asked for, from one cold start before it begins.",
    ),
    Reason(
        "HeldBack",
        "clamp in status.scaling",
        "Ready",
        "A change has to be asked for during the whole stabilization window, or fewer workers would be too full.",
    ),
    Reason(
        "RateLimited",
        "clamp in status.scaling",
        "Ready",
        "`behavior` (or its default) allows no greater change at once; the rest follows.",
    ),
    Reason(
        "HeldMissingMetrics",
        "clamp in status.scaling",
        "Ready",
        "Something could not be measured, so no worker is taken away.",
    ),
    Reason(
        "Fallback",
        "clamp in status.scaling",
        "Ready",
        "Nothing was measured `failureThreshold` times in a row, so there are as many workers as `fallback` says.",
    ),
    Reason(
        "ScaleUpStuck",
        "clamp in status.scaling",
        "Ready",
        "Workers that were asked for cannot start, so no more are asked for. The message holds the reason: no node (in "
        "the scheduler's words), no quota, no image, they end, or one loads for longer than its startup probe allows.",
    ),
    Reason(
        "SlowStart",
        "clamp in status.scaling",
        "Loading",
        "A worker takes more than twice as long to start as any has: its node fetches the image, or its engine loads "
        "the model. That is slow, not stuck: it counts as on its way. The message says for how long, and how long a "
        "start takes as a rule.",
    ),
    Reason(
        "NotIdleYet",
        "clamp in status.scaling",
        "Ready",
        "The pool may sleep, but that nobody needs it is not certain or not long enough the case.",
    ),
)
