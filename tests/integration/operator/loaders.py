"""Loaders as the operator sees them: Pods of Jobs that the real Job controller makes, and JSON on a real socket.

Owns the stand-ins for kubelet and loader. What they say is up to the test.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from integration.api import Api, Object, eventually
from integration.operator.rig import let_the_scheduler_speak_first, now

URI = "hf://acme/tiny"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PATH = f"hf/acme--tiny/{COMMIT}"
MIB = 1024 * 1024
TOTAL = 200 * MIB
PORT = 8000


def llm_model(namespace: str, name: str = "tiny", uri: str = URI, **spec: object) -> Object:
    """Return an LLMModel."""
    return {
        "apiVersion": "serving.tidegate.dev/v1alpha1",
        "kind": "LLMModel",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"uri": uri, **spec},
    }


def loaded(path: str = PATH, **more: object) -> str:
    """Return the last words of a loader that brought a model."""
    said = {"revision": COMMIT, "path": path, "bytes": TOTAL, "license": "apache-2.0"}
    return json.dumps({**said, "shape": {"layers": 30}, "evicted": [], **more})


def refused(reason: str, message: str = "it is as it is") -> str:
    """Return the last words of a loader that brought none."""
    return json.dumps({"reason": reason, "message": message})


def pod_of(api: Api, namespace: str, model: str, job: str | None = None) -> Object:
    """Return the one live Pod of a model's loader, once the Job controller has made it."""

    def found() -> Object | None:
        pods = [
            pod
            for pod in api.list("Pod", namespace)
            if pod["metadata"].get("labels", {}).get("serving.tidegate.dev/model") == model
            and "deletionTimestamp" not in pod["metadata"]
            and pod["status"].get("phase") not in ("Succeeded", "Failed")
            and job in (None, pod["metadata"]["labels"].get("batch.kubernetes.io/job-name"))
        ]
        return pods[0] if len(pods) == 1 else None

    pod: Object = eventually(found)
    return pod


def job_of(api: Api, namespace: str, model: str) -> Object:
    """Return the Job that loads a model, once it is there."""
    job: Object = eventually(lambda: api.get("Job", namespace, f"{model}-load"))
    return job


def runs(api: Api, pod: Object, address: str) -> None:
    """Say what a kubelet says of a Pod that runs and has this address."""
    _say(api, pod, "Running", {"running": {"startedAt": now()}}, address)


def waits(api: Api, pod: Object, reason: str, message: str) -> None:
    """Say what a kubelet says of a container that it cannot start."""
    _say(api, pod, "Pending", {"waiting": {"reason": reason, "message": message}})


def ends(api: Api, pod: Object, message: str, code: int = 0) -> None:
    """Say what a kubelet says of a loader that has ended."""
    state = {"exitCode": code, "message": message, "reason": "Error" if code else "Completed"}
    ended = {"terminated": {**state, "startedAt": now(), "finishedAt": now()}}
    _say(api, pod, "Failed" if code else "Succeeded", ended)


def _say(api: Api, pod: Object, phase: str, state: Mapping[str, object], address: str = "") -> None:
    let_the_scheduler_speak_first(api, pod)
    container = {
        "name": "loader",
        "image": "x",
        "imageID": "",
        "ready": phase == "Running",
        "restartCount": 0,
        "state": state,
    }
    status: Object = {
        "phase": phase,
        "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": now()}],
        "containerStatuses": [container],
    }
    if address:
        status |= {"podIP": address, "podIPs": [{"ip": address}]}
    api.patch_status("Pod", pod["metadata"]["namespace"], pod["metadata"]["name"], status)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Two tests may have it one right after the other.
    allow_reuse_address = True

    def __init__(self, address: str, loader: Loader) -> None:
        super().__init__((address, PORT), _Answer)
        self.loader = loader


class _Answer(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        loader = self.server.loader
        loader.asked.append(self.path)
        body = json.dumps(loader.progress).encode()
        self.send_response(loader.code)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class Loader:
    """What a loader says of itself."""

    progress: Object = field(default_factory=lambda: {"step": "Resolving"})
    code: int = 200
    asked: list[str] = field(default_factory=list)

    def downloads(self, done: int, total: int = TOTAL, step: str = "Downloading") -> None:
        """Have it be so far."""
        rate = 8 * MIB
        self.progress = {
            "step": step,
            "revision": COMMIT,
            "path": PATH,
            "bytesDone": done,
            "bytesTotal": total,
            "bytesPerSecond": rate,
            "remainingSeconds": (total - done) // rate,
            "filesDone": 3,
            "filesTotal": 9,
        }


@contextmanager
def loader(address: str) -> Iterator[Loader]:
    """A loader's process that answers at this address."""
    one = Loader()
    with _Server(address, one) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield one
        finally:
            server.shutdown()
            thread.join()
