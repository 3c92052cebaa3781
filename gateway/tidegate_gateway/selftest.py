"""`python -m tidegate_gateway.selftest`: one completion through a running gateway; what `helm test` runs.

Owns the question, and a tenant of its own that lives as long as the question does. Must not need a key, change
an object that was there before, or end with a traceback: whoever reads its output wants one sentence.
"""

import argparse
import contextlib
import json
import secrets
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from tidegate_api.keys import digest, new_key
from tidegate_api.names import API_VERSION, GROUP, SERVICES_PLURAL, TENANT_KIND, TENANTS_PLURAL, VERSION

PROMPT: Final = "The capital of France is"
MAX_TOKENS: Final = 8
# A new key, and a worker just Ready, take a moment to become known to every gateway.
NOT_YET: Final = frozenset((401, 404, 503))
RETRY_SECONDS: Final = 0.5


class SelfTestFailed(Exception):
    """What did not work, and what to look at."""


@dataclass(frozen=True, slots=True)
class Target:
    """A model to ask."""

    namespace: str
    service: str
    model: str


def find(api: client.CustomObjectsApi, namespaces: Sequence[str], wanted: str) -> list[Target]:
    """Return the services that are Ready, the oldest first; raise SelfTestFailed saying why if none is."""
    found = sorted(_services(api, namespaces), key=_age)
    if wanted:
        found = [item for item in found if item["metadata"]["name"] == wanted]
    if ready := [_target(item) for item in found if _ready(item).get("status") == "True"]:
        return ready
    where = f"namespace {', '.join(namespaces)}" if namespaces else "any namespace"
    if not found:
        what = f"no LLMService {wanted!r}" if wanted else "no LLMService"
        raise SelfTestFailed(
            f"there is {what} in {where}: apply one (examples/01-quickstart), wait until it is Ready, test again"
        )
    reasons = "; ".join(f"{'/'.join(_place(item))}: {_why(_ready(item))}" for item in found[:5])
    raise SelfTestFailed(f"no LLMService in {where} is Ready: {reasons}")


def _services(api: client.CustomObjectsApi, namespaces: Sequence[str]) -> list[dict[str, Any]]:
    kind = (GROUP, VERSION)
    if not namespaces:
        listed = [api.list_cluster_custom_object(*kind, SERVICES_PLURAL)]
    else:
        listed = [api.list_namespaced_custom_object(*kind, one, SERVICES_PLURAL) for one in namespaces]
    return [item for page in listed for item in page["items"] if "deletionTimestamp" not in item["metadata"]]


def _target(item: dict[str, Any]) -> Target:
    namespace, name = _place(item)
    return Target(namespace, name, item["spec"]["model"].get("name") or name)


def _age(item: dict[str, Any]) -> tuple[str, tuple[str, str]]:
    return item["metadata"].get("creationTimestamp", ""), _place(item)


def _place(item: dict[str, Any]) -> tuple[str, str]:
    return item["metadata"]["namespace"], item["metadata"]["name"]


def _ready(item: dict[str, Any]) -> dict[str, Any]:
    conditions = item.get("status", {}).get("conditions", [])
    return next((one for one in conditions if one["type"] == "Ready"), {})


def _why(condition: dict[str, Any]) -> str:
    if not condition:
        return "the operator has not seen it yet"
    return f"{condition['reason']}: {condition['message']}"


@contextlib.contextmanager
def tenant(api: client.CustomObjectsApi, namespace: str, seconds: float) -> Iterator[str]:
    """Make a tenant with a random key, yield the key, and delete the tenant.

    Should this process be killed before, the key still ends a minute after the test would have.
    """
    key, name = new_key(), f"helm-test-{secrets.token_hex(4)}"
    end = (datetime.now(UTC) + timedelta(seconds=seconds + 60)).strftime("%Y-%m-%dT%H:%M:%SZ")
    spec = {"qosClass": "high", "keys": [{"name": "test", "sha256": digest(key), "notAfter": end}]}
    body = {"apiVersion": API_VERSION, "kind": TENANT_KIND, "metadata": {"name": name}, "spec": spec}
    api.create_namespaced_custom_object(GROUP, VERSION, namespace, TENANTS_PLURAL, body)
    try:
        yield key
    finally:
        api.delete_namespaced_custom_object(GROUP, VERSION, namespace, TENANTS_PLURAL, name)


def ask(gateway: str, key: str, model: str, seconds: float, now: Callable[[], float] = time.monotonic) -> str:
    """Return what the model says; raise SelfTestFailed with what the gateway said instead."""
    body = json.dumps({"model": model, "prompt": PROMPT, "max_tokens": MAX_TOKENS, "temperature": 0}).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = urllib.request.Request(f"{gateway}/v1/completions", body, headers)  # noqa: S310
    deadline = now() + seconds
    while True:
        try:
            with urllib.request.urlopen(request, timeout=max(1.0, deadline - now())) as answer:  # noqa: S310
                return _text(answer.read())
        except urllib.error.HTTPError as error:
            said = f"the gateway answered {error.code}: {error.read(2000).decode(errors='replace')}"
            if error.code not in NOT_YET:
                raise SelfTestFailed(said) from error
        except OSError as error:
            said = f"the gateway at {gateway} did not answer: {error}"
        if now() >= deadline:
            raise SelfTestFailed(f"{said} (for {seconds:.0f} s)")
        time.sleep(RETRY_SECONDS)


def _text(answer: bytes) -> str:
    try:
        text: str = json.loads(answer)["choices"][0]["text"]
    except (ValueError, LookupError, TypeError) as error:
        raise SelfTestFailed(f"the answer is no completion: {answer[:500]!r}") from error
    return text


def run(api: client.CustomObjectsApi, words: argparse.Namespace) -> None:
    """Find a model, become its tenant, ask; a namespace that is just being removed is passed over."""
    *others, last = find(api, words.namespace, words.service)
    for target in others:
        try:
            return _try(api, target, words)
        except ApiException as error:
            if not _is_being_removed(error):
                raise
            print(f"namespace {target.namespace} is being removed: it is passed over", flush=True)
    return _try(api, last, words)


def _try(api: client.CustomObjectsApi, target: Target, words: argparse.Namespace) -> None:
    print(
        f"LLMService {target.namespace}/{target.service} is Ready; asking model {target.model!r}", flush=True
    )
    with tenant(api, target.namespace, words.timeout) as key:
        began = time.monotonic()
        text = ask(words.gateway.rstrip("/"), key, target.model, words.timeout)
    print(f"{PROMPT!r} -> {text!r} in {time.monotonic() - began:.1f} s", flush=True)


def _is_being_removed(error: ApiException) -> bool:
    """Tell whether the API server takes nothing into a namespace any more, by the cause that it names."""
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        causes = json.loads(error.body).get("details", {}).get("causes") or ()
        return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)
    return False


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tidegate_gateway.selftest", description=__doc__)
    parser.add_argument("--gateway", required=True, help="base URL of the gateway, without a path")
    parser.add_argument("--namespace", action="append", default=[], help="where to look; may be repeated")
    parser.add_argument("--service", default="", help="LLMService to ask, instead of any that is Ready")
    parser.add_argument("--timeout", type=float, default=120, help="seconds that the answer may take")
    return parser.parse_args(argv)


def connect() -> client.CustomObjectsApi:
    """Return the API of the cluster that this runs in, or that KUBECONFIG names."""
    try:
        config.load_incluster_config()
    except config.ConfigException:
        config.load_kube_config()
    return client.CustomObjectsApi()


def main(argv: Sequence[str]) -> int:
    """Run the test; 1 with one sentence on standard error when it fails."""
    words = arguments(argv)
    try:
        run(connect(), words)
    except SelfTestFailed as failed:
        said = str(failed)
    except ApiException as error:
        said = f"the API server refused ({error.status} {error.reason}): {error.body}"
    except (config.ConfigException, HTTPError) as error:
        said = f"the API server cannot be reached: {error}"
    else:
        return 0
    print(f"FAILED: {said}", file=sys.stderr)
    return 1


def _ended(*_: object) -> NoReturn:
    raise SelfTestFailed("told to stop before there was an answer")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _ended)
    sys.exit(main(sys.argv[1:]))
