"""Custom resources handed to a real API server by a real kubectl, as users hand them.

Owns the one way to do it. Must not know what is right or wrong.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass

from integration.api import Api, Object
from localcluster.tools import tool


class Refused(Exception):
    """What kubectl said instead of accepting."""


@dataclass(frozen=True)
class Kubectl:
    """kubectl as an administrator."""

    api: Api

    def __call__(self, *words: str, stdin: object = None) -> str:
        """Run it; an object goes in as JSON; raises Refused with what it said."""
        argv = [str(tool("kubectl")), "--kubeconfig", str(self.api.plane.kubeconfig), *words]
        done = subprocess.run(argv, input=json.dumps(stdin), capture_output=True, text=True, check=False)
        if done.returncode:
            raise Refused(done.stderr)
        return done.stdout

    def submit(self, manifest: Object) -> Object:
        """Create an object for the record only, and return what would be stored."""
        words = ("create", "--dry-run=server", "--output=json", "--filename=-")
        found: Object = json.loads(self(*words, stdin=manifest))
        return found


def service(name: str = "chat", **spec: object) -> Object:
    """Return an LLMService; what is given goes over a minimal spec."""
    return _object("LLMService", name, {"model": {"uri": "pvc://models/tiny"}, **spec})


def tenant(name: str = "web", **spec: object) -> Object:
    """Return an LLMTenant."""
    return _object("LLMTenant", name, spec)


def llm_model(name: str = "tiny", **spec: object) -> Object:
    """Return an LLMModel; what is given goes over a minimal spec."""
    return _object("LLMModel", name, {"uri": "hf://acme/tiny", **spec})


def _object(kind: str, name: str, spec: Object) -> Object:
    version = "serving.tidegate.dev/v1alpha1"
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }
