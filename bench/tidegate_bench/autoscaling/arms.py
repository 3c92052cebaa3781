"""Who is compared, with which settings of its knob.

Owns the field: each law with the knob that its users turn. Peers get settings from frugal to lavish, ours too; the
setting that ships is marked.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from tidegate_api.names import QOS_CLASSES, QosClass
from tidegate_bench.autoscaling.policies import hpa
from tidegate_bench.autoscaling.policies.hpa import Hpa
from tidegate_bench.autoscaling.policies.keda import Keda
from tidegate_bench.autoscaling.policies.kpa import Kpa
from tidegate_bench.autoscaling.policies.ours import Ours
from tidegate_bench.autoscaling.policies.planner import Planner
from tidegate_bench.autoscaling.policies.policy import Policy
from tidegate_bench.autoscaling.policies.static import Static
from tidegate_bench.autoscaling.policies.wva import WvaV1, WvaV2
from tidegate_bench.autoscaling.traces import Trace
from tidegate_bench.autoscaling.world import FIRST_REPLICAS
from tidegate_operator.scaling.tuning import DEFAULT

Maker = Callable[[Trace], Policy]
OURS: Final = "ours"
PLANNER: Final = "planner"
STATIC: Final = "static"
# How full our law plans replicas, besides its default.
OTHER_UTILIZATIONS: Final = (1.4, 1.2, 0.8, 0.65, 0.5)
# The setting of ours that is a user's who sets nothing.
DEFAULT_KNOB: Final = "medium"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a law's knob."""

    knob: str
    make: Maker
    # Ready when a run begins.
    replicas: int = FIRST_REPLICAS


@dataclass(frozen=True, slots=True)
class Arm:
    """A law; `default` is the knob that its own documents set, where there is one."""

    name: str
    settings: tuple[Setting, ...]
    default: str = ""

    @property
    def is_peer(self) -> bool:
        """Tell whether it is a law of others."""
        return self.name not in {OURS, PLANNER, STATIC}


def _hpa_waiting(target: float) -> Setting:
    return Setting(f"{target:g}", lambda _: Hpa(hpa.waiting, target))


def _hpa_running(target: float) -> Setting:
    return Setting(f"{target:g}", lambda _: Hpa(hpa.running, target))


def _hpa_kv(target: float) -> Setting:
    return Setting(f"{target:g}", lambda _: Hpa(hpa.kv, target))


def _keda(threshold: float) -> Setting:
    return Setting(f"{threshold:g}", lambda _: Keda(threshold))


def _kpa(target: float) -> Setting:
    return Setting(f"{target:g}", lambda _: Kpa(target))


def _wva_v1(spare: float) -> Setting:
    return Setting(f"{spare:g}", lambda _: WvaV1(kv_spare=spare))


def _wva_v2(up: float, down: float) -> Setting:
    return Setting(f"{up:g}/{down:g}", lambda _: WvaV2(up=up, down=down))


def _static(replicas: int) -> Setting:
    return Setting(str(replicas), lambda _: Static(replicas), replicas)


def _planner(utilization: float) -> Setting:
    return Setting(f"{utilization:g}", lambda trace: Planner(trace, utilization))


def _ours(qos_class: QosClass) -> Setting:
    return Setting(qos_class, lambda _: Ours(qos_class))


def _ours_at(utilization: float) -> Setting:
    tuning = replace(
        DEFAULT, utilization=utilization, utilization_max=max(DEFAULT.utilization_max, utilization)
    )
    return Setting(f"medium, {utilization:g}", lambda _: Ours(tuning=tuning))


ARMS: Final = (
    Arm("hpa waiting", tuple(map(_hpa_waiting, (1, 3))), "3"),
    Arm("hpa running", tuple(map(_hpa_running, (16, 24, 32, 48))), "32"),
    Arm("hpa kv", tuple(map(_hpa_kv, (0.2, 0.3, 0.4, 0.5))), "0.5"),
    Arm("keda", tuple(map(_keda, (1, 5))), "5"),
    Arm("kpa", tuple(map(_kpa, (24, 36, 48, 64)))),
    Arm("wva v1", tuple(map(_wva_v1, (0.1, 0.4))), "0.1"),
    Arm(
        "wva v2", (_wva_v2(0.85, 0.7), _wva_v2(0.7, 0.55), _wva_v2(0.55, 0.4), _wva_v2(0.4, 0.3)), "0.85/0.7"
    ),
    Arm(STATIC, tuple(map(_static, (2, 3, 4, 5, 6, 7, 8, 10)))),
    Arm(PLANNER, tuple(map(_planner, (1.6, 1.4, 1.2, 1.05, 0.9, 0.75)))),
    Arm(OURS, (*map(_ours, reversed(QOS_CLASSES)), *map(_ours_at, OTHER_UTILIZATIONS)), DEFAULT_KNOB),
)


def by_name(name: str) -> Arm:
    """Return an arm."""
    return next(arm for arm in ARMS if arm.name == name)
