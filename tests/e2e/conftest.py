"""Fixtures of the end-to-end tests: the demo's service, its gateway and a key, and namespaces of their own.

They run against any kubeconfig on which `make demo` has been run, in one process or in two; nothing of the demo is left
changed.
"""

import contextlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import openai
import pytest

from e2e import scaled as story
from e2e import turns
from e2e.cluster import Namespace, Refused, eventually, kubectl, port_forward
from e2e.scaled import Scaled

SYSTEM = "tidegate-system"
DEMO = Namespace("tidegate-demo")
SERVICE = "chat"


@dataclass(frozen=True, slots=True)
class Caller:
    """A way to the gateway, with a key that it knows."""

    url: str
    key: str

    def client(self, key: str | None = None) -> openai.OpenAI:
        """Return the official OpenAI client, which never retries on its own here."""
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=key or self.key, max_retries=0, timeout=120)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tell the stories in their order when there are several processes."""
    if config.getoption("loadgroup", False):
        items.sort(key=lambda item: turns.turn_of(item.path.stem))


@pytest.fixture(scope="session")
def locks(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder of the locks that all processes of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


# At once, in every process: later a story may have changed how many workers there are.
@pytest.fixture(scope="session", autouse=True)
def demo() -> Namespace:
    """The namespace of the demo, its service ready with one worker."""
    DEMO.wait_for_ready(SERVICE, 1)
    return DEMO


@pytest.fixture(scope="session")
def engines(demo: Namespace, locks: Path) -> None:
    """The images of a second engine and of its model, by the command that the docs name."""
    with turns.alone(locks, "engines") as done:
        if not done.exists():
            subprocess.run([sys.executable, "-m", "demo", "engines"], check=True, env=os.environ)
            done.touch()


@pytest.fixture(scope="session")
def gateway() -> Iterator[str]:
    """The gateway's address, reachable from here."""
    with port_forward(SYSTEM, "service/tidegate-gateway", 80) as url:
        yield url


@pytest.fixture(scope="session")
def caller(demo: Namespace, gateway: str, worker_id: str) -> Iterator[Caller]:
    """A tenant of the demo's namespace with a key of its own; another one in each process."""
    with tenant_key(demo.name, f"e2e-{worker_id}") as key:
        yield Caller(gateway, key)


@pytest.fixture(scope="module")
def patient(demo: Namespace, gateway: str) -> Iterator[openai.OpenAI]:
    """A caller of class low, whose requests may wait for minutes."""
    with tenant_key(demo.name, "e2e-patient", "low") as key:
        yield openai.OpenAI(base_url=f"{gateway}/v1", api_key=key, max_retries=0, timeout=400)


@pytest.fixture(scope="module")
def scaled(demo: Namespace) -> Iterator[Scaled]:
    """The service that the stories about replicas are told of, with one worker that answers."""
    demo.apply(story.manifest())
    found = Scaled(demo)
    try:
        found.wait_for_workers(1)
        yield found
    finally:
        kubectl("delete", "llmservice", story.NAME, "-n", demo.name, "--wait=true")
        eventually(lambda: not demo.pods_of(story.NAME), "the workers are gone")


@contextlib.contextmanager
def tenant_key(namespace: str, tenant: str, qos_class: str = "high") -> Iterator[str]:
    """Make a tenant with a key by the command that users have; yield the key; remove the tenant."""
    kubectl("delete", "llmtenant", "-n", namespace, tenant, "--ignore-not-found")
    words = [
        sys.executable,
        "-m",
        "tidegate_cli",
        "keys",
        "create",
        tenant,
        "-n",
        namespace,
        "--class",
        qos_class,
    ]
    made = subprocess.run(words, capture_output=True, text=True, check=True, env=os.environ)
    yield made.stdout.strip()
    kubectl("delete", "llmtenant", "-n", namespace, tenant)


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    """A new namespace under Pod Security `restricted`, deleted afterwards."""
    with restricted_namespace("e2e") as made:
        yield made


@contextlib.contextmanager
def restricted_namespace(prefix: str) -> Iterator[Namespace]:
    """A new namespace under Pod Security `restricted`, deleted when the block ends."""
    name = f"{prefix}-{uuid.uuid4().hex[:8]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    kubectl("apply", "-f", "-", stdin=json.dumps(made))
    try:
        yield Namespace(name)
    finally:
        with contextlib.suppress(Refused):
            kubectl("delete", "namespace", name, "--wait=false")
