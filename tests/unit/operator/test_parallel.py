"""Over how many Pods a worker is spread, what the engine is told of it, and which numbers do not go together."""

from typing import Any

import pytest

from objects import observed, service
from tidegate_api.settings import Settings
from tidegate_operator.desired import Service
from tidegate_operator.errors import Stalled
from tidegate_operator.parallel import Spread
from tidegate_operator.resolve import resolve

GPU = {
    "accelerator": "nvidia",
    "limits": {"memory": "16Gi", "nvidia.com/gpu": "1"},
    "requests": {"memory": "16Gi"},
}
SETTINGS = Settings.model_validate({"resourceProfiles": {"cpu": {"accelerator": "cpu"}, "gpu": GPU}})


def resolved(profile: str, parallelism: dict[str, Any], **spec: Any) -> Service:
    asked = service(resourceProfile=profile, parallelism=parallelism, **spec)
    return resolve(observed(asked), SETTINGS)


def told(found: Service) -> list[str]:
    """Return the words about parallelism, in their order."""
    words = found.engine_args
    return [
        f"{flag} {words[index + 1]}"
        for index, flag in enumerate(words)
        if "parallel" in flag or "distributed" in flag
    ]


@pytest.mark.parametrize(
    ("profile", "parallelism", "nodes", "words"),
    [
        pytest.param(
            "gpu:4", {"tensor": 4}, 1, ["--tensor-parallel-size 4"], id="all GPUs of a Pod by tensor"
        ),
        pytest.param(
            "gpu:4",
            {"tensor": 2, "pipeline": 2},
            1,
            ["--tensor-parallel-size 2", "--pipeline-parallel-size 2"],
            id="stages inside a Pod",
        ),
        pytest.param(
            "gpu:4",
            {"tensor": 2, "data": 2},
            1,
            ["--tensor-parallel-size 2", "--data-parallel-size 2"],
            id="copies inside a Pod",
        ),
        pytest.param(
            "gpu:4",
            {"tensor": 4, "pipeline": 2},
            2,
            ["--tensor-parallel-size 4", "--pipeline-parallel-size 2", "--distributed-executor-backend mp"],
            id="a stage in each of two Pods",
        ),
        pytest.param(
            "cpu:1",
            {"tensor": 2},
            2,
            ["--tensor-parallel-size 2", "--distributed-executor-backend mp"],
            id="a process in each of two Pods without GPUs",
        ),
        pytest.param(
            "cpu:2", {"tensor": 2}, 1, ["--tensor-parallel-size 2"], id="two processes in a Pod without GPUs"
        ),
        pytest.param(
            "gpu:2",
            {"tensor": 2, "executor": "Ray"},
            1,
            ["--tensor-parallel-size 2", "--distributed-executor-backend ray"],
            id="Ray inside a Pod",
        ),
        pytest.param(
            "gpu:2",
            {"tensor": 2, "pipeline": 2, "executor": "Ray"},
            2,
            ["--tensor-parallel-size 2", "--pipeline-parallel-size 2", "--distributed-executor-backend ray"],
            id="Ray over two Pods",
        ),
        pytest.param("gpu:1", {}, 1, [], id="nothing is nothing"),
    ],
)
def test_spread(profile: str, parallelism: dict[str, Any], nodes: int, words: list[str]) -> None:
    found = resolved(profile, parallelism)
    assert found.spread == Spread(nodes, parallelism.get("executor") == "Ray")
    assert told(found) == words


@pytest.mark.parametrize(
    ("profile", "parallelism", "says"),
    [
        pytest.param(
            "gpu:2",
            {"tensor": 3},
            "tensor 3 x pipeline 1 = 3 processes cannot be divided evenly among Pods: a Pod of gpu:2 takes 2. Set "
            "spec.resourceProfile to gpu:1,",
            id="processes that do not fill their Pods",
        ),
        pytest.param(
            "gpu:4",
            {"tensor": 4, "pipeline": 3, "data": 2},
            "tensor 4 x pipeline 3 = 12 processes need 3 Pods (a Pod of gpu:4 takes 4), and data 2 copies",
            id="copies over several Pods",
        ),
        pytest.param(
            "gpu:4",
            {"tensor": 4, "data": 2},
            "tensor 4 x pipeline 1 x data 2 = 8 processes, and a Pod of gpu:4 takes 4: set "
            "spec.resourceProfile to gpu:8",
            id="more copies than fit",
        ),
        pytest.param(
            "gpu:4",
            {"tensor": 2},
            "each Pod gets 4 GPUs, of which 2 would be idle",
            id="GPUs that are paid for and idle",
        ),
    ],
)
def test_numbers_that_do_not_go_together(profile: str, parallelism: dict[str, Any], says: str) -> None:
    with pytest.raises(Stalled) as caught:
        resolved(profile, parallelism)
    assert caught.value.reason == "InvalidParallelism"
    assert says in caught.value.message


@pytest.mark.parametrize(
    "words", [["-tp", "2"], ["--pipeline-parallel-size=2"], ["--distributed-executor-backend=ray"]]
)
def test_field_and_flags_exclude_each_other(words: list[str]) -> None:
    with pytest.raises(Stalled, match=r"spec\.parallelism and the parallel sizes in spec\.engine\.args"):
        resolved("gpu:2", {"tensor": 2}, engine={"args": words})


def test_ray_needs_something_to_execute() -> None:
    with pytest.raises(Stalled, match="executor Ray needs tensor x pipeline above 1"):
        resolved("gpu:1", {"executor": "Ray"})


def test_another_engine_is_not_told() -> None:
    with pytest.raises(Stalled, match=r"parallelism is told to vLLM"):
        resolved("gpu:2", {"tensor": 2}, engine={"type": "Custom", "image": "other:1"})


def test_a_worker_counts_the_accelerators_of_all_its_pods() -> None:
    asked = service(
        resourceProfile="gpu:4",
        parallelism={"tensor": 4, "pipeline": 2},
        scaling={"minReplicas": 1, "maxReplicas": 2},
    )
    (pool,) = resolve(observed(asked), SETTINGS).pools
    assert pool.policy is not None
    assert pool.policy.accelerators == 8
