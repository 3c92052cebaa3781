"""What authors of resources write, and what repositories of models hold."""

import json
from typing import Any, Final

import yaml
from hypothesis import given
from hypothesis import strategies as st

from documented import ROOT
from fuzz.inputs import described, dumped, shuffled, spoiled, values
from tidegate_api.fit.shape import Problem, read_shape
from tidegate_api.names import API_VERSION, SERVICE_KIND
from tidegate_api.settings import Settings
from tidegate_cli.preview import preview
from tidegate_gateway.llmservices import read_service
from tidegate_gateway.objects import read_peer, read_tenant, read_worker
from tidegate_loader.choice import is_legal, wanted_files
from tidegate_worker import safetensors
from unit.fit import families

# Repositories of models

TENSOR: Final = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
HEADER: Final = {
    "a": TENSOR,
    "b": {"dtype": "U8", "shape": [1], "data_offsets": [16, 17]},
    "__metadata__": {"x": "y"},
}
HEADER_TOKENS: Final = [
    b"[",
    b"]",
    b"{",
    b"}",
    b"1",
    b"-",
    b",",
    b"9" * 40,
    b'"F32"',
    b"\xff",
    b"\0",
    b"true",
    b"null",
]


@given(
    header=shuffled([dumped(HEADER)], HEADER_TOKENS) | spoiled(HEADER).map(dumped),
    size=st.integers(0, 2**64),
    claimed=st.integers(0, 2**64 - 1),
)
def a_header_of_weights(header: bytes, size: int, claimed: int) -> None:
    """It has no problem only if its tensors lie one behind the other to the very end of the file."""
    prefix = claimed.to_bytes(8, "little")
    if safetensors.length_problem(prefix, size) is None:
        assert 8 + claimed <= size
    for whole in (size, 8 + len(header) + 17):
        told = safetensors.header_problem(header, whole)
        assert told is None or len(told) < 500
        if told is None:
            entries = json.loads(header)
            spans = sorted(one["data_offsets"] for name, one in entries.items() if name != "__metadata__")
            assert (spans[-1][1] if spans else 0) == whole - 8 - len(header)


CONFIGS: Final = [
    value for name, value in vars(families).items() if name.isupper() and isinstance(value, dict)
]


@given(config=st.one_of([spoiled(one) for one in CONFIGS[:6]]) | values())
def a_config_of_a_model(config: Any) -> None:
    """A shape whose numbers can be reckoned with, or what is lacking."""
    found = read_shape(config if isinstance(config, dict) else {}, 10**9)
    if isinstance(found, Problem):
        return
    assert found.kv_heads >= 0
    assert found.head_dim >= 0


@given(
    names=st.lists(
        st.text(max_size=20)
        | st.sampled_from(
            [
                "config.json",
                "model.safetensors",
                "../x.safetensors",
                "/etc/x.json",
                "a/../../b.json",
                "model-00001-of-00002.safetensors",
                "model.safetensors.index.json",
                "x.py",
                "a\0.json",
                "C:\\x.json",
            ]
        ),
        max_size=6,
    ),
    index=spoiled({"weight_map": {"a": "model-00001-of-00002.safetensors"}}),
)
def names_of_a_repository(names: list[str], index: Any) -> None:
    """No file is wanted whose name could lead out of its folder."""
    legal = [name for name in names if is_legal(name)]
    for name in legal:
        assert ".." not in name.split("/")
        assert not name.startswith("/")
        assert "\0" not in name
    wanted_files(legal, index if isinstance(index, dict) else None)


# Resources


def schema_of(kind: str) -> dict[str, Any]:
    """Return the schema of a kind's spec."""
    crd = yaml.safe_load((ROOT / f"crds/{kind}.serving.tidegate.dev.yaml").read_text())
    found: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found


EXAMPLES: Final = [
    document["spec"]
    for file in sorted((ROOT / "examples").rglob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text())
    if document and document.get("kind") == "LLMService"
]
SPECS: Final = described(schema_of("llmservices")) | st.one_of([spoiled(spec) for spec in EXAMPLES])
SETTINGS: Final = Settings()


@given(spec=SPECS)
def a_service(spec: Any) -> None:
    """The plan of a service is manifests, or the one problem for which there are none; never an exception."""
    document = {
        "apiVersion": API_VERSION,
        "kind": SERVICE_KIND,
        "metadata": {"name": "a"},
        "spec": spec,
    }
    for result in preview([document], SETTINGS, "ns"):
        assert not (result.problem and result.manifests)
        for manifest in result.manifests:
            assert manifest["metadata"].get("namespace", "ns") == "ns"
            json.dumps(manifest, allow_nan=False)


TENANT_SPEC: Final = {
    "qosClass": "high",
    "services": ["a"],
    "keys": [{"name": "k", "sha256": "0" * 64, "notAfter": "2027-01-31T00:00:00Z"}],
    "limits": {"requestsPerMinute": 5},
    "budget": {"tokens": 7, "window": "Day"},
}
TENANTS: Final = described(schema_of("llmtenants")) | st.just(TENANT_SPEC)


@given(spec=TENANTS, created=st.sampled_from(["2026-11-22T00:00:00Z", "x", None]))
def a_tenant(spec: Any, created: Any) -> None:
    """What passes the schema is read, or left out: one tenant never keeps the gateway from the others."""
    metadata = {"namespace": "ns", "name": "a", "uid": "u", "creationTimestamp": created}
    tenant = read_tenant({"metadata": metadata, "spec": spec})
    if tenant is None:
        return
    assert tenant.caller.salt
    for caller in tenant.callers():
        assert (caller.namespace, caller.tenant) == ("ns", "a")


POD: Final = {
    "metadata": {
        "uid": "u",
        "namespace": "ns",
        "name": "p",
        "labels": {"serving.tidegate.dev/service": "a"},
        "annotations": {},
    },
    "status": {"podIP": "10.0.0.1", "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8000}]}]},
}


@given(
    spec=described(schema_of("llmservices")),
    annotations=st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3),
)
def what_the_gateway_watches(spec: Any, annotations: dict[str, str]) -> None:
    """What the API server has let pass is read."""
    item = {
        "metadata": {"namespace": "ns", "name": "a", "uid": "u", "annotations": annotations},
        "spec": spec,
    }
    model = read_service(item)
    assert model is None or model.namespace == "ns"
    pod = {**POD, "metadata": {**POD["metadata"], "annotations": annotations}}
    assert read_worker(pod) is not None
    assert read_peer(pod) is not None
