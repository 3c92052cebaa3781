"""`tidegate doctor`: facts in, findings out, each with what to do."""

from dataclasses import replace
from typing import Any

import pytest

from tidegate_cli.doctor.command import findings, lines
from tidegate_cli.doctor.facts import Facts, Right
from tidegate_cli.doctor.finding import Finding
from unit.cli.scenes import NOW, condition, service

Json = dict[str, Any]
PAGE = 'tidegate_operator_engine_reads_total{{outcome="done",way="prometheus"}} {}\n' + (
    'tidegate_operator_engine_reads_total{{outcome="failed",way="prometheus"}} {}\n'
    'tidegate_operator_engine_reads_total{{outcome="failed",way="direct"}} 99\n'
)


def crd(plural: str, version: str = "1.0", established: str = "True") -> Json:
    return {
        "metadata": {"labels": {"app.kubernetes.io/version": version}},
        "spec": {
            "group": "serving.tidegate.dev",
            "names": {"plural": plural},
            "versions": [{"name": "v1alpha1", "served": True}],
        },
        "status": {"conditions": [{"type": "Established", "status": established}]},
    }


def deployment(part: str, ready: int = 1, wanted: int = 1, version: str = "1.0") -> Json:
    labels = {"app.kubernetes.io/component": part, "app.kubernetes.io/version": version}
    return {
        "metadata": {"name": part, "namespace": "system", "labels": labels},
        "spec": {"replicas": wanted},
        "status": {"readyReplicas": ready} if ready else {},
    }


def lease(renewed: str = "2026-11-22T11:59:55.000000Z", holder: str = "operator-1") -> Json:
    return {"spec": {"holderIdentity": holder, "renewTime": renewed}}


def node(ready: str = "True", labels: Json | None = None, **allocatable: str) -> Json:
    return {
        "metadata": {"name": "node-1", "labels": labels or {}},
        "status": {"allocatable": allocatable, "conditions": [{"type": "Ready", "status": ready}]},
    }


def monitor(**labels: str) -> Json:
    return {"metadata": {"name": "workers", "labels": {"app.kubernetes.io/name": "tidegate", **labels}}}


def settings(**models: Any) -> Json:
    return {"models": {"strategy": "PVC", **models}}


PLURALS = ("llmservices", "llmtenants", "llmmodels")
CLASS = {"metadata": {"name": "fast", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}}
PROMETHEUS = {"spec": {"podMonitorSelector": {"matchLabels": {"release": "kps"}}}}
GPU = {"nvidia.com/gpu": "8"}
FINE = Facts(
    namespace="team-a",
    version="1.0",
    kubernetes={"gitVersion": "v1.36.3"},
    crds=[crd(one) for one in PLURALS],
    deployments=[deployment("operator"), deployment("gateway")],
    leases=[lease()],
    settings=settings(),
    nodes=[node(**GPU)],
    storage_classes=[CLASS],
    services=[service()],
    rights=[Right("team-a", "list", "llmservices", "", "status", True)],
)


def verdicts(facts: Facts, check: str) -> list[tuple[str, str]]:
    """Return how a check went, with what was said."""
    return [(one.verdict, f"{one.message} | {one.fix}") for one in findings(facts, NOW) if one.check == check]


def test_where_all_is_well_all_is_ok_and_nothing_is_to_be_done() -> None:
    found = list(findings(FINE, NOW))
    assert [(one.check, one.verdict) for one in found if one.verdict != "ok" or one.fix] == []
    assert len({one.check for one in found}) == 14


@pytest.mark.parametrize(
    ("change", "check", "verdict", "says"),
    [
        pytest.param(
            {"kubernetes": {"gitVersion": "v1.29.1"}}, "Kubernetes", "fail", "upgrade", id="too old"
        ),
        pytest.param(
            {"kubernetes": {"gitVersion": "v1.34.0"}},
            "image volumes",
            "warn",
            "feature gate ImageVolume",
            id="a gate",
        ),
        pytest.param(
            {"kubernetes": {"gitVersion": "v1.30.0"}},
            "image volumes",
            "warn",
            "mounts no images",
            id="no image volumes",
        ),
        pytest.param(
            {"crds": [crd("llmservices")]},
            "custom resources",
            "fail",
            "llmtenants.serving",
            id="CRDs missing",
        ),
        pytest.param(
            {"crds": [crd(one, established="False") for one in PLURALS]},
            "custom resources",
            "fail",
            "not served",
            id="CRDs refused",
        ),
        pytest.param(
            {"crds": [crd(one, "0.9") for one in PLURALS]},
            "custom resources",
            "warn",
            "0.9, but this",
            id="old CRDs",
        ),
        pytest.param(
            {"deployments": [deployment("operator")]}, "gateway", "fail", "no Deployment", id="no gateway"
        ),
        pytest.param(
            {"deployments": [deployment("operator", ready=0), deployment("gateway")]},
            "operator",
            "fail",
            "0 of 1 Ready | kubectl describe",
            id="operator down",
        ),
        pytest.param(
            {"deployments": [deployment("operator"), deployment("gateway", 1, 2)]},
            "gateway",
            "warn",
            "1 of 2",
            id="one gateway of two",
        ),
        pytest.param(
            {"deployments": [deployment("operator", version="2.0"), deployment("gateway")]},
            "operator version",
            "warn",
            "2.0, but this command is 1.0",
            id="another version",
        ),
        pytest.param({"leases": []}, "operator leads", "fail", "no operator holds", id="nobody leads"),
        pytest.param(
            {"leases": [lease("2026-11-22T11:59:00.000000Z")]},
            "operator leads",
            "fail",
            "no operator",
            id="it led",
        ),
        pytest.param({"nodes": [node()]}, "accelerators", "warn", "none on 1 nodes", id="no GPU"),
        pytest.param(
            {"nodes": [node(labels={"nvidia.com/gpu.present": "true"})]},
            "accelerators",
            "fail",
            "device plugin",
            id="a GPU without its plugin",
        ),
        pytest.param(
            {"nodes": [node("False", **GPU)]}, "accelerators", "warn", "not Ready", id="a node that is down"
        ),
        pytest.param(
            {"storage_classes": []}, "model cache", "fail", "no default StorageClass", id="no storage"
        ),
        pytest.param(
            {"settings": settings(storageClassName="slow")},
            "model cache",
            "fail",
            "no StorageClass slow",
            id="no such",
        ),
        pytest.param(
            {"settings": settings(strategy="None")}, "model cache", "warn", "cannot be used", id="no cache"
        ),
        pytest.param(
            {"claims": [{"metadata": {"name": "tidegate-models"}, "status": {"phase": "Pending"}}]},
            "model cache",
            "warn",
            "is Pending | kubectl describe pvc",
            id="a claim that waits",
        ),
        pytest.param(
            {"settings": {"prometheus": {"url": "http://p"}}, "operator_page": PAGE.format(0, 7)},
            "Prometheus",
            "fail",
            "no usable answer (7 asked in vain)",
            id="a silent Prometheus",
        ),
        pytest.param(
            {"settings": {"prometheus": {"url": "http://p"}}, "operator_page": PAGE.format(90, 10)},
            "Prometheus",
            "ok",
            "90 readings, 10 failed",
            id="a Prometheus that answers; direct readings do not count",
        ),
        pytest.param(
            {"settings": {"prometheus": {"url": "http://p"}}, "operator_page": PAGE.format(80, 20)},
            "Prometheus",
            "warn",
            "20 failed",
            id="one that fails often",
        ),
        pytest.param(
            {"knows_monitors": True}, "PodMonitors", "warn", "podMonitors.enabled", id="no PodMonitors"
        ),
        pytest.param(
            {"knows_monitors": True, "monitors": [monitor()], "prometheuses": [PROMETHEUS]},
            "PodMonitors",
            "fail",
            "{'release': 'kps'}",
            id="PodMonitors that nobody selects",
        ),
        pytest.param(
            {"knows_monitors": True, "monitors": [monitor(release="kps")], "prometheuses": [PROMETHEUS]},
            "PodMonitors",
            "ok",
            "workers",
            id="PodMonitors that are selected",
        ),
        pytest.param(
            {"rights": [replace(FINE.rights[0], allowed=False)]},
            "your rights",
            "fail",
            "you may not list llmservices in team-a: needed for status",
            id="no right to see services",
        ),
        pytest.param(
            {"rights": [Right("system", "get", "pods", "proxy", "top", False)]},
            "your rights",
            "warn",
            "get pods/proxy in system: needed for top",
            id="no right to look closer",
        ),
        pytest.param(
            {"services": [service(phase="Failed", conditions=[condition("Ready", "False", "UnknownFlag")])]},
            "services in team-a",
            "warn",
            "chat is Failed: UnknownFlag: so it is | tidegate status chat -n team-a",
            id="a service in trouble",
        ),
    ],
)
def test_what_is_wrong_is_found_with_what_to_do(change: Json, check: str, verdict: str, says: str) -> None:
    [(found, words)] = verdicts(replace(FINE, **change), check)
    assert found == verdict
    assert says in words
    assert (verdict == "ok") == words.endswith("| ")


@pytest.mark.parametrize(
    ("what", "check"),
    [
        ("crds", "custom resources"),
        ("deployments", "gateway"),
        ("leases", "operator leads"),
        ("nodes", "accelerators"),
        ("storage_classes", "model cache"),
        ("monitors", "PodMonitors"),
        ("rights", "your rights"),
        ("services", "services in team-a"),
    ],
)
def test_what_may_not_be_looked_at_is_a_warning_with_the_reason(what: str, check: str) -> None:
    facts = replace(FINE, **{what: []}, unknown={what: "nodes is forbidden"})
    assert [
        verdict for verdict, words in verdicts(facts, check) if "not known: nodes is forbidden" in words
    ] == ["warn"]


def test_without_an_installation_what_it_would_do_is_not_judged() -> None:
    found = {one.check: one.verdict for one in findings(replace(FINE, deployments=[], settings=None), NOW)}
    assert (found["operator"], found["gateway"]) == ("fail", "fail")
    assert not {"operator leads", "model cache", "Prometheus"} & set(found)


def test_each_finding_is_a_line_with_its_fix_below() -> None:
    assert list(lines([Finding("a", "ok", "good"), Finding("bcd", "fail", "bad", "mend it")])) == [
        "ok    a    good",
        "fail  bcd  bad",
        "           fix: mend it",
        "1 ok, 0 to look at, 1 failed",
    ]
