"""Over how many processes and Pods one worker is spread, and what the engine is told of it.

Owns the comparison of `spec.parallelism` with what a Pod has, and its refusals. Must not know the model: whether its
heads and layers can be divided so is `fitting`'s to say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tidegate_api.parallelism import Parallelism
from tidegate_operator.errors import Stalled


@dataclass(frozen=True, slots=True)
class Spread:
    """One worker: `nodes` Pods that are one engine together; on Ray where `is_ray`."""

    nodes: int = 1
    is_ray: bool = False


ALONE: Final = Spread()
# What the field stands for, and users may set only without it.
FLAGS: Final = frozenset(
    {
        "--tensor-parallel-size",
        "--pipeline-parallel-size",
        "--data-parallel-size",
        "--distributed-executor-backend",
    }
)


def spread(asked: Parallelism | None, profile: str, per_pod: int, *, has_gpus: bool) -> Spread:
    """Return over how many Pods a worker is spread that has `per_pod` accelerators (or processes) in each.

    `profile` is the name of its resource profile. Raises Stalled where the numbers do not go together.
    """
    if asked is None:
        return ALONE
    is_ray = asked.executor == "Ray"
    if asked.ranks <= per_pod:
        _refuse_copies(asked, profile, per_pod, has_gpus=has_gpus)
        return Spread(is_ray=is_ray)
    product = f"tensor {asked.tensor} x pipeline {asked.pipeline} = {asked.ranks} processes"
    have = f"a Pod of {profile}:{per_pod} takes {per_pod}"
    if asked.ranks % per_pod:
        fitting = " or ".join(f"{profile}:{count}" for count in _divisors(asked.ranks, per_pod)[-3:])
        raise _refused(
            f"{product} cannot be divided evenly among Pods: {have}. Set spec.resourceProfile to {fitting}, or "
            f"tensor x pipeline to a multiple of {per_pod}"
        )
    if asked.data > 1:
        raise _refused(
            f"{product} need {asked.ranks // per_pod} Pods ({have}), and data {asked.data} copies must all be in one: "
            "leave data out and raise spec.replicas or spec.scaling instead"
        )
    return Spread(asked.ranks // per_pod, is_ray)


def words(asked: Parallelism, found: Spread) -> list[str]:
    """Return what the engine is told; which member of its group it is, the worker knows only when it runs."""
    sizes = (("tensor", asked.tensor), ("pipeline", asked.pipeline), ("data", asked.data))
    told = [word for name, size in sizes if size > 1 for word in (f"--{name}-parallel-size", str(size))]
    if found.is_ray:
        return [*told, "--distributed-executor-backend", "ray"]
    return [*told, "--distributed-executor-backend", "mp"] if found.nodes > 1 else told


def refuse_flags(*, sets_them: bool) -> None:
    """Raise Stalled where flags say how the model is spread as well as the field."""
    if sets_them:
        raise Stalled(
            "InvalidValue",
            "spec.parallelism and the parallel sizes in spec.engine.args (or in the resource profile's args) exclude "
            "each other: remove --tensor-parallel-size, --pipeline-parallel-size, --data-parallel-size and "
            "--distributed-executor-backend there",
        )


def _refuse_copies(asked: Parallelism, profile: str, per_pod: int, *, has_gpus: bool) -> None:
    wanted = asked.ranks * asked.data
    sizes = f"tensor {asked.tensor} x pipeline {asked.pipeline} x data {asked.data} = {wanted} processes"
    if wanted > per_pod:
        raise _refused(
            f"{sizes}, and a Pod of {profile}:{per_pod} takes {per_pod}: set spec.resourceProfile to "
            f"{profile}:{wanted}, or lower data and raise spec.replicas instead"
        )
    if has_gpus and wanted < per_pod:
        raise _refused(
            f"{sizes}, and each Pod gets {per_pod} GPUs, of which {per_pod - wanted} would be idle: set "
            f"spec.resourceProfile to {profile}:{wanted}, or raise one of the sizes"
        )


def _divisors(number: int, most: int) -> Sequence[int]:
    """Return the divisors up to `most`; 1 is always one."""
    return [size for size in range(1, most + 1) if number % size == 0]


def _refused(message: str) -> Stalled:
    return Stalled("InvalidParallelism", f"spec.parallelism: {message}")
