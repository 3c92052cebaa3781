"""What the chart lets its parts do: no more than they need, in no more places than they serve."""

from collections.abc import Callable, Iterator

import pytest

from chart.rendering import NAMESPACE, Object, Rendered

WRITES = {"create", "update", "patch", "delete", "deletecollection"}


def rules(rendered: Rendered) -> Iterator[tuple[str, Object]]:
    """Yield every rule with the name of its role."""
    for kind in ("Role", "ClusterRole"):
        for role in rendered.all(kind):
            for rule in role["rules"]:
                yield role["metadata"]["name"], rule


def of_part(rendered: Rendered, part: str) -> list[Object]:
    """Return the rules of one part's roles, each once."""
    found: list[Object] = []
    for name, rule in rules(rendered):
        if name.endswith((f"-{part}", f"-{part}-own")) and rule not in found:
            found.append(rule)
    return found


def test_no_right_has_a_wildcard(rendered: Rendered) -> None:
    assert [name for name, rule in rules(rendered) if any("*" in entries for entries in rule.values())] == []


@pytest.mark.parametrize(
    "resource",
    [
        *("secrets", "pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers", "pods/log"),
        *("serviceaccounts/token", "nodes", "nodes/proxy", "customresourcedefinitions"),
        *("namespaces", "mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
    ],
)
def test_no_part_has_a_right_on(resource: str, rendered: Rendered) -> None:
    assert [name for name, rule in rules(rendered) if resource in rule["resources"]] == []


def test_a_config_map_is_read_by_name_and_by_the_operator_only(rendered: Rendered) -> None:
    found = [(name, rule) for name, rule in rules(rendered) if "configmaps" in rule["resources"]]
    assert found == [(name, rule) for name, rule in found if rule in of_part(rendered, "operator")]
    assert {verb for _, rule in found for verb in rule["verbs"]} == {"get"}


def test_no_part_can_give_itself_rights(rendered: Rendered) -> None:
    for name, rule in rules(rendered):
        assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"]), name
        assert "rbac.authorization.k8s.io" not in rule["apiGroups"], name


def test_the_gateway_only_reads_and_marks_what_it_waits_for(rendered: Rendered) -> None:
    granted = of_part(rendered, "gateway")
    writing = [rule for rule in granted if WRITES & set(rule["verbs"])]
    assert [(rule["resources"], rule["verbs"]) for rule in writing] == [(["llmservices/status"], ["patch"])]
    reading = [rule for rule in granted if rule not in writing]
    assert {verb for rule in reading for verb in rule["verbs"]} == {"get", "list", "watch"}


def test_the_operator_writes_no_spec_that_it_does_not_own(rendered: Rendered) -> None:
    """A Pod's cannot be changed: a patch reaches its metadata, where a worker that is to go is marked."""
    theirs = {"llmservices", "llmtenants", "horizontalpodautoscalers"}
    for rule in of_part(rendered, "operator"):
        if WRITES & set(rule["verbs"]):
            assert not theirs & set(rule["resources"])
        if "persistentvolumeclaims" in rule["resources"]:
            assert not (WRITES - {"create"}) & set(rule["verbs"])
        if "llmmodels" in rule["resources"]:
            assert not (WRITES - {"create", "delete"}) & set(rule["verbs"])
        if "pods" in rule["resources"]:
            assert not {"create", "update", "delete", "deletecollection"} & set(rule["verbs"])


def test_the_operator_can_do_all_that_it_does(rendered: Rendered) -> None:
    """What it reads and writes is the table of kinds that its own code uses."""
    from tidegate_operator.kinds import ALL

    granted = {
        (group, resource)
        for rule in of_part(rendered, "operator")
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert {(kind.group, kind.plural) for kind in ALL} <= granted


def test_both_parts_find_the_gateways_in_their_own_namespace(rendered: Rendered) -> None:
    for part, verbs in (("operator", {"list"}), ("gateway", {"get", "list", "watch"})):
        role = rendered.one("Role", f"-{part}-own")
        assert role["metadata"]["namespace"] == NAMESPACE
        pods = [rule for rule in role["rules"] if "pods" in rule["resources"]]
        assert [set(rule["verbs"]) for rule in pods] == [verbs]


def test_leases_are_changed_by_name_only(rendered: Rendered) -> None:
    changing = [
        rule
        for rule in of_part(rendered, "operator")
        if "leases" in rule["resources"] and "update" in rule["verbs"]
    ]
    assert [rule["resourceNames"] for rule in changing] == [["tidegate-operator"]]


def test_every_binding_binds_a_role_that_exists_to_an_account_that_exists(rendered: Rendered) -> None:
    accounts = {
        (item["metadata"]["namespace"], item["metadata"]["name"]) for item in rendered.all("ServiceAccount")
    }
    roles = {
        (item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"])
        for kind in ("Role", "ClusterRole")
        for item in rendered.all(kind)
    }
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        for binding in rendered.all(kind):
            reference = binding["roleRef"]
            assert (reference["kind"], binding["metadata"].get("namespace"), reference["name"]) in roles
            assert {(one["namespace"], one["name"]) for one in binding["subjects"]} <= accounts


@pytest.mark.parametrize("name", ["two watched namespaces", "its own namespace alone"])
def test_watched_namespaces_mean_no_right_on_the_cluster(name: str, chart: Callable[[str], Rendered]) -> None:
    rendered = chart(name)
    assert rendered.all("ClusterRole") == rendered.all("ClusterRoleBinding") == []
    places = {item["metadata"]["namespace"] for item in rendered.all("Role")}
    assert places == {*rendered.values["watchNamespaces"], NAMESPACE}


def test_both_parts_are_told_the_namespaces_that_they_have_rights_in(rendered: Rendered) -> None:
    for part in ("operator", "gateway"):
        deployment = rendered.one("Deployment", f"-{part}")
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        told = {one["name"]: one.get("value") for one in container["env"]}
        assert told["TIDEGATE_NAMESPACES"] == ",".join(rendered.values.get("watchNamespaces", []))


def test_the_rights_of_the_test_end_with_it(rendered: Rendered) -> None:
    hooks = [
        item
        for item in rendered.objects
        if item["metadata"]["name"].endswith("-test") and item["kind"] != "Pod"
    ]
    assert len(hooks) >= 3
    for item in hooks:
        policy = item["metadata"]["annotations"]["helm.sh/hook-delete-policy"].split(",")
        assert {"hook-succeeded", "hook-failed"} <= set(policy)


def test_a_test_of_one_namespace_has_rights_there_only(chart: Callable[[str], Rendered]) -> None:
    rendered = chart("a gateway for the world")
    assert [
        item["metadata"]["namespace"]
        for item in rendered.all("Role")
        if item["metadata"]["name"].endswith("-test")
    ] == ["team-a"]
    assert [item for item in rendered.all("ClusterRole") if item["metadata"]["name"].endswith("-test")] == []


def test_people_who_may_view_or_edit_may_do_so_with_ours(chart: Callable[[str], Rendered]) -> None:
    rendered = chart("the defaults")
    viewer, editor = rendered.one("ClusterRole", "-viewer"), rendered.one("ClusterRole", "-editor")
    assert viewer["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"] == "true"
    assert editor["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-edit"] == "true"
    assert "rbac.authorization.k8s.io/aggregate-to-view" not in editor["metadata"]["labels"]
    assert {verb for rule in viewer["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
