"""`tidegate status`: objects in, a screen, a table and JSON out."""

from typing import Any

import pytest

from tidegate_cli.status.lines import age, screen, table
from tidegate_cli.status.report import events, report
from tidegate_cli.status.running import workers
from tidegate_cli.status.said import Said, said
from tidegate_cli.status.scene import Scene
from unit.cli.scenes import AT, NOW, condition, event, pod, service

PAGE = (
    'vllm:cache_config_info{block_size="16",cache_dtype="fp8",engine="0",num_gpu_blocks="364"} 1.0\n'
    'vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25\n'
)


# As vLLM 0.32 writes it, with what stands around it.
LOG = (
    "INFO 11-22 02:04:19 [__init__.py:216] Automatically detected platform cpu.\n"
    "(EngineCore pid=7) INFO 11-22 02:04:25 [core.py:133] Initializing a V1 LLM engine (v0.32.0) with config: "
    "model='/models', speculative_config=None, trust_remote_code=False, dtype=torch.bfloat16, max_seq_len=512, "
    "tensor_parallel_size=1, quantization=None, quantization_config=None, enforce_eager=False, "
    "kv_cache_dtype=auto, device_config=cpu, seed=0\n"
)


GPU = Said("cuda:0", "bfloat16", "fp8")


def shown(scene: Scene) -> str:
    return "\n".join(screen(report(scene), NOW))


@pytest.mark.parametrize(
    ("scene", "says"),
    [
        pytest.param(Scene(service()), "team-a/chat  Ready  1/1 workers", id="how it is, in one line"),
        pytest.param(Scene(service()), "model     chat from hf://Org/Name", id="which model"),
        pytest.param(
            Scene(service(generation=2)),
            "team-a/chat  Pending",
            id="what was said of an older spec does not count",
        ),
        pytest.param(Scene(service(url=None)), "url       - (none yet)", id="no address yet"),
        pytest.param(
            Scene(service(model={"name": "m", "percent": 40})),
            "hf://Org/Name, 40 % is there",
            id="a download",
        ),
        pytest.param(
            Scene(service(conditions=[condition("ConfigValid", "False", "UnknownFlag", "--foo is none")])),
            "ConfigValid  False    UnknownFlag (2m): --foo is none\n"
            "                        fix: Correct the flag that the message names",
            id="a condition that does not hold, and what to do",
        ),
        pytest.param(
            Scene(service(), [pod()], pages={"chat-shared-1": PAGE}),
            "CPU, dtype as the model says, quantization as the model says, KV cache of 364 blocks, 5824 tokens (fp8), "
            "25% used",
            id="where it really runs",
        ),
        pytest.param(
            Scene(service(), [pod()], pages={"chat-shared-1": PAGE}, logs={"chat-shared-1": LOG}),
            "CPU; the engine runs on cpu, dtype bfloat16, quantization none, KV cache of 364 blocks",
            id="how the engine itself says it runs",
        ),
        pytest.param(
            Scene(service(), [pod()], missing={"logs": "forbidden"}),
            "how the engines say they run could not be asked: forbidden",
            id="a log that may not be read",
        ),
        pytest.param(
            Scene(service(), [pod()], missing={"engines": "forbidden"}),
            "KV cache not told\n  what the engines say could not be asked: forbidden",
            id="what could not be asked is said, and is no zero",
        ),
        pytest.param(
            Scene(
                service(adapters=[{"name": "sql", "phase": "Failed", "loaded": "0/1", "message": "rank 64"}])
            ),
            "ADAPTERS\n  sql  Failed  0/1 workers: rank 64",
            id="an adapter",
        ),
        pytest.param(
            Scene(service(rollout={"phase": "Stable", "revision": "aaa"})),
            "ROLLOUT\n  Stable: all workers are of version aaa",
            id="the rollout",
        ),
        pytest.param(
            Scene(
                service(
                    scaling=[
                        {
                            "pool": "shared",
                            "mode": "Auto",
                            "wanted": 3,
                            "binding": "QueueDepth",
                            "message": "15 wait",
                            "decidedAt": AT,
                        }
                    ]
                )
            ),
            "SCALING\n  shared (Auto): 3 wanted, QueueDepth: 15 wait (2m ago)",
            id="the last decision",
        ),
        pytest.param(
            Scene(service(), events=[event("ScaledUp", AT, count=4, type="Normal")]),
            "EVENTS\n    2m  Normal   ScaledUp  LLMService/chat: m (×4)",
            id="an event, and how often",
        ),
    ],
)
def test_the_screen_says(scene: Scene, says: str) -> None:
    assert says in shown(scene)


def test_a_section_with_nothing_in_it_is_not_there() -> None:
    assert "ADAPTERS" not in shown(Scene(service()))
    assert "SCALING" not in shown(Scene(service()))


def test_a_condition_that_holds_has_no_fix() -> None:
    [ready] = report(Scene(service()))["conditions"]
    assert "fix" not in ready


def test_the_events_are_those_of_the_service_its_pods_and_its_model_the_newest_first() -> None:
    found = [
        event("Old", "2026-11-22T11:00:00Z"),
        event("OfPod", "2026-11-22T11:30:00Z", ("Pod", "chat-shared-1")),
        event("OfModel", "2026-11-22T11:20:00Z", ("LLMModel", "m")),
        event("OfAnother", AT, ("LLMService", "other")),
        event("New", "", series={"lastObservedTime": AT, "count": 9}),
    ]
    told = events(Scene(service(model={"name": "m"}), [pod()], found))
    assert [(one["reason"], one["count"]) for one in told] == [
        ("New", 9),
        ("OfPod", 1),
        ("OfModel", 1),
        ("Old", 1),
    ]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(pod(limits={"nvidia.com/gpu": "2"}), {"device": "2 × nvidia.com/gpu"}, id="GPUs"),
        pytest.param(pod(limits={"memory": "6Gi"}), {"device": "CPU"}, id="no device is the processor"),
        pytest.param(pod(args=("--dtype", "bfloat16")), {"dtype": "bfloat16"}, id="a flag of two words"),
        pytest.param(pod(args=("--quantization=fp8",)), {"quantization": "fp8"}, id="a flag of one word"),
        pytest.param(pod(args=("--dtype",)), {"dtype": None}, id="a flag without a value"),
        pytest.param(pod(), {"kv_blocks": None, "kv_used_ratio": None}, id="an engine that tells nothing"),
        pytest.param(
            pod(conditions=[], containerStatuses=[{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]),
            {"state": "ImagePullBackOff", "ready": False},
            id="why a container waits",
        ),
        pytest.param(pod(conditions=[], phase="Pending"), {"state": "Pending"}, id="a Pod without a node"),
        pytest.param(pod(containerStatuses=[{"restartCount": 2}]), {"restarts": 2}, id="restarts"),
    ],
)
def test_a_worker_is_told_by_its_pod(found: dict[str, Any], expected: dict[str, Any]) -> None:
    [running] = workers([found], {}, {})
    assert {name: getattr(running, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        pytest.param(LOG, Said("cpu", "bfloat16", "none"), id="a whole line"),
        pytest.param(
            LOG.replace("=cpu", "=cuda:0").replace("quantization=None", "quantization=fp8"), GPU, id="a GPU"
        ),
        pytest.param("listening on 8000\n", Said(), id="another engine says nothing of it"),
        pytest.param("", Said(), id="no log"),
        pytest.param(
            LOG.partition("quantization=None")[0], Said(None, "bfloat16", None), id="a line that is cut"
        ),
        pytest.param(
            LOG + LOG.replace("bfloat16", "float32"), Said("cpu", "float32", "none"), id="started twice"
        ),
    ],
)
def test_an_engine_is_told_by_its_log(log: str, expected: Said) -> None:
    assert said(log) == expected


def test_services_are_a_line_each_and_what_is_not_told_is_a_dash() -> None:
    asleep = service(
        "embed", phase="Suspended", ready="0/0", pools=[{"name": "shared", "ready": 0, "desired": 0}]
    )
    assert table([service(), asleep], NOW, everywhere=True) == [
        "NAMESPACE   NAME    MODEL   PHASE       READY   QUEUED   REASON    AGE",
        "team-a      chat    chat    Ready       1/1     3        Serving   2m",
        "team-a      embed   embed   Suspended   0/0     -        Serving   2m",
    ]
    assert table([service()], NOW, everywhere=False)[0].startswith("NAME ")


def test_a_service_that_nobody_has_looked_at_is_pending() -> None:
    untouched = {**service(), "status": {}}
    assert table([untouched], NOW, everywhere=False)[1].split() == [
        "chat",
        "-",
        "Pending",
        "-",
        "-",
        "-",
        "2m",
    ]
    assert "team-a/chat  Pending  - workers" in shown(Scene(untouched))


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2026-11-22T11:59:30Z", "30s"),
        ("2026-11-22T11:00:00+00:00", "60m"),
        ("2026-11-20T11:00:00Z", "2d"),
        ("2026-11-22T12:00:09Z", "0s"),
        ("", "-"),
        (None, "-"),
    ],
)
def test_an_age_is_told_in_its_greatest_unit(at: str | None, told: str) -> None:
    assert age(at, NOW) == told
