"""The demo's console: somebody who may sign in to it, and how that is done.

Owns that account: an editor in the demo's namespace, and nobody anywhere else. Must not hold a token.
"""

from __future__ import annotations

import json

from demo.clusters import program
from demo.install import NAMESPACE, RELEASE, SYSTEM, kubectl
from localcluster.report import step

ACCOUNT = "demo-editor"
# Roles that there are: the cluster's own `view`, with what the chart adds to it, and the chart's editor.
ROLES = {"view": "view", "edit": f"{SYSTEM}-{RELEASE}-editor"}
SERVICE = f"{RELEASE}-console"
PORT = 8090


def make_account() -> None:
    """Make the account and bind its roles in the demo's namespace; a second time nothing changes."""
    with step(f"make {ACCOUNT}, who may sign in to the console"):
        kubectl(
            "apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects()})
        )


def objects() -> list[dict[str, object]]:
    """Return the account and its bindings."""
    account: dict[str, object] = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _named(ACCOUNT)}
    group = "rbac.authorization.k8s.io"
    bindings: list[dict[str, object]] = [
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": _named(f"{ACCOUNT}-{name}"),
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}],
        }
        for name, role in ROLES.items()
    ]
    return [account, *bindings]


def _named(name: str) -> dict[str, str]:
    return {"name": name, "namespace": NAMESPACE}


def address() -> str:
    """Return the address of its Service, which answers on the node itself."""
    return f"http://{kubectl('get', 'service', SERVICE, '-n', SYSTEM, '-o', 'jsonpath={.spec.clusterIP}')}"


def screen(where: str) -> str:
    """Return how to reach it and how to sign in, ready to be pasted."""
    return f"""The console (read-only until you sign in):
  {program("kubectl")} -n {SYSTEM} port-forward service/{SERVICE} {PORT}:80   # then http://localhost:{PORT}
  {where}   # where the node's Services are reached
  {program("kubectl")} -n {NAMESPACE} create token {ACCOUNT}   # a token to sign in with, as editor of {NAMESPACE}

"""
