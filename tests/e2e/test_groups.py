"""A worker of two Pods on a real kubelet: one engine, cut by tensor, that starts and ends as one.

The model is made by a Job, of random parameters and with an even number of heads: what it says is nonsense, and the
same nonsense from one Pod and from two.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from e2e.asking import known
from e2e.cluster import Json, Namespace, Refused, eventually, holds, kubectl
from e2e.conftest import SERVICE, restricted_namespace, tenant_key

ROOT = Path(__file__).parents[2]
PROMPTS = ("You may reproduce", "Copyright", "the Work and such Derivative Works in")
# What any process may do to all others of its container but itself, and the first, which the kernel protects.
KILL_ALL = "import os; os.kill(-1, 9)"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def place(demo: Namespace) -> Iterator[Namespace]:
    """A namespace with the model served twice: `one` by a worker of one Pod, `two` by a worker of two."""
    with restricted_namespace("e2e-groups") as made:
        made.apply(*model(demo.get("llmservice", SERVICE)["status"]["image"]))
        # Workers that came before the model would wait for their next start, longer each time.
        eventually(lambda: holds(made.get("job", "make"), "Complete"), "the model is made", 300)
        made.apply(service("one"), service("two", parallelism={"tensor": 2}))
        made.wait_for_ready("one", 1, 600)
        made.wait_for_reason("two", "Ready", "Serving", 900)
        yield made


@pytest.fixture(scope="module")
def client(place: Namespace, gateway: str) -> Iterator[openai.OpenAI]:
    """A caller whom the gateway knows."""
    with tenant_key(place.name, "caller") as key:
        yield known(gateway, key)


def test_two_pods_answer_like_one(place: Namespace, client: openai.OpenAI) -> None:
    assert answers(client, "two") == answers(client, "one")
    (leader,) = place.pods_of("two")
    (follower,) = followers(place)
    assert follower["metadata"]["labels"]["serving.tidegate.dev/leader"] == leader["metadata"]["name"]
    assert place.get("llmservice", "two")["status"]["ready"] == "1/1"


@pytest.mark.parametrize(
    ("role", "reason"),
    [
        pytest.param("follower", "GroupRestarting", id="a follower: its leader says whom it lost"),
        pytest.param("leader", "OutOfMemory", id="a leader: that is what being killed looks like"),
    ],
)
def test_a_member_killed_restarts_the_group(
    place: Namespace, client: openai.OpenAI, role: str, reason: str
) -> None:
    before = answers(client, "two")
    members = {"leader": place.pods_of("two")[0], "follower": followers(place)[0]}
    restarts = {name: restarts_of(pod) for name, pod in members.items()}
    name = members[role]["metadata"]["name"]
    # It spares itself, and ends with the container unless it has ended before.
    with contextlib.suppress(Refused):
        kubectl("exec", "-n", place.name, name, "-c", "main", "--", "python3", "-c", KILL_ALL)
    eventually(lambda: not_ready(place), "Ready tells that the worker is gone", 60)
    place.wait_for_reason("two", "Ready", reason, 120)
    place.wait_for_reason("two", "Ready", "Serving", 900)
    after = {"leader": place.pods_of("two")[0], "follower": followers(place)[0]}
    for one, pod in after.items():
        assert pod["metadata"]["uid"] == members[one]["metadata"]["uid"]
        assert restarts_of(pod) > restarts[one]
    assert answers(client, "two") == before


def test_a_group_goes_as_one(place: Namespace) -> None:
    kubectl("delete", "llmservice", "two", "-n", place.name)
    eventually(lambda: not place.pods_of("two") and not followers(place), "both Pods are going", 120)
    eventually(
        lambda: not kubectl("get", "statefulsets", "-n", place.name, "-o", "name"), "nothing is left", 120
    )


def answers(client: openai.OpenAI, name: str) -> list[str]:
    """Return what the model says first after each prompt."""
    return [
        client.completions.create(model=name, prompt=prompt, temperature=0, max_tokens=16).choices[0].text
        for prompt in PROMPTS
    ]


def not_ready(place: Namespace) -> bool:
    return place.condition("two", "Ready").get("status") == "False"


def followers(place: Namespace) -> list[Json]:
    """Return the Pods that compute for workers of `two` and are not going away."""
    chosen = "serving.tidegate.dev/member-of=two,serving.tidegate.dev/role=follower"
    listed = kubectl("get", "pods", "-n", place.name, "-l", chosen, "-o", "json")
    return [pod for pod in json.loads(listed)["items"] if "deletionTimestamp" not in pod["metadata"]]


def restarts_of(pod: Json) -> int:
    count: int = pod["status"]["containerStatuses"][0]["restartCount"]
    return count


def service(name: str, **spec: object) -> Json:
    """A service of the model on the claim `m`."""
    # Three engines, beside the demo's own, find place on a node of two processors.
    wanted = {
        "model": {"uri": "pvc://m/tiny"},
        "engine": {"maxModelLen": 512, "maxNumSeqs": 4},
        "resources": {"requests": {"cpu": "100m"}},
        **spec,
    }
    return {
        "apiVersion": "serving.tidegate.dev/v1alpha1",
        "kind": "LLMService",
        "metadata": {"name": name},
        "spec": wanted,
    }


def model(image: str) -> Iterator[Json]:
    """A claim, and a Job that writes the model there with the torch of the worker's image."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    yield {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "m"}, "spec": claim}
    files = {"tiny_model.py": ROOT / "hack" / "tiny_model.py", "LICENSE": ROOT / "LICENSE"}
    data = {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "source"}, "data": data}
    container = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "/repository/hack/tiny_model.py", "/volume/tiny"],
        "env": [{"name": "HOME", "value": "/tmp"}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [
            {"name": "m", "mountPath": "/volume"},
            {"name": "source", "mountPath": "/repository"},
        ],
    }
    items = [{"key": "tiny_model.py", "path": "hack/tiny_model.py"}, {"key": "LICENSE", "path": "LICENSE"}]
    pod = {
        "restartPolicy": "Never",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {"name": "m", "persistentVolumeClaim": {"claimName": "m"}},
            {"name": "source", "configMap": {"name": "source", "items": items}},
        ],
    }
    yield {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "make"},
        "spec": {"template": {"spec": pod}},
    }
