"""What a caller's rules let them change, and for how long that is remembered."""

from typing import Any

import pytest

from tidegate_console.kube import Access
from tidegate_console.permissions import KEPT_SECONDS, MOST_CALLERS, Permissions, granted
from tidegate_console.problems import Problem

OURS = "serving.tidegate.dev"
NOTHING: dict[str, list[str]] = {"services": [], "models": [], "tenants": []}
ALL = ["create", "update", "patch", "delete"]
Rule = dict[str, Any]


def rule(resources: list[str], verbs: list[str], group: str = OURS, **more: Any) -> Rule:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs, **more}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param([], NOTHING, id="no rules"),
        pytest.param(
            [rule(["llmservices"], ["get", "list", "watch"])], NOTHING, id="reading changes nothing"
        ),
        pytest.param(
            [rule(["llmservices"], ["patch"]), rule(["llmservices", "llmmodels"], ["delete", "create"])],
            {"services": ["create", "patch", "delete"], "models": ["create", "delete"], "tenants": []},
            id="rules add up",
        ),
        pytest.param(
            [rule(["*"], ["*"], "*")], {"services": ALL, "models": ALL, "tenants": ALL}, id="an administrator"
        ),
        pytest.param([rule(["llmtenants"], ["*"])], {**NOTHING, "tenants": ALL}, id="every verb of one kind"),
        pytest.param([rule(["llmservices"], ["patch"], "apps")], NOTHING, id="another group's"),
        pytest.param([rule(["llmservices/status"], ["patch"])], NOTHING, id="a status is not its object"),
        pytest.param(
            [rule(["llmservices"], ["patch"], resourceNames=["chat"])],
            {**NOTHING, "services": ["patch"]},
            id="of one object: the API server says of which",
        ),
    ],
)
def test_what_rules_allow(rules: list[Rule], expected: dict[str, list[str]]) -> None:
    assert granted(rules) == expected


class Cluster:
    """Answers reviews, and counts them."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.incomplete: set[str] = set()
        self.refuses: Problem | None = None

    async def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert path.endswith("/selfsubjectrulesreviews")
        namespace = body["spec"]["namespace"]
        self.asked.append(namespace)
        if self.refuses:
            raise self.refuses
        rules = [rule(["llmservices"], ["patch"])]
        return {"status": {"resourceRules": rules, "incomplete": namespace in self.incomplete}}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def told(permissions: Permissions, cluster: Cluster, who: str = "ada", *names: str) -> set[str]:
    access: Access = cluster  # type: ignore[assignment]
    return set(await permissions.of(access, who, names or ("a", "b")))


async def test_a_namespace_is_asked_about_once_a_minute() -> None:
    cluster, clock = Cluster(), Clock()
    permissions = Permissions(clock)
    assert await told(permissions, cluster) == await told(permissions, cluster) == {"a", "b"}
    assert cluster.asked == ["a", "b"]
    assert await told(permissions, cluster, "ada", "a", "c") == {"a", "c"}
    assert cluster.asked == ["a", "b", "c"]
    clock.now = KEPT_SECONDS
    await told(permissions, cluster)
    assert cluster.asked == ["a", "b", "c", "a", "b"]


async def test_nobody_gets_what_is_known_of_another() -> None:
    cluster, permissions = Cluster(), Permissions(Clock())
    await told(permissions, cluster, "one", "a")
    await told(permissions, cluster, "two", "a")
    assert cluster.asked == ["a", "a"]


async def test_what_the_cluster_cannot_tell_whole_is_left_out_and_asked_again() -> None:
    cluster, permissions = Cluster(), Permissions(Clock())
    cluster.incomplete = {"b"}
    assert await told(permissions, cluster) == {"a"}
    await told(permissions, cluster)
    assert cluster.asked == ["a", "b", "b"]


async def test_a_review_that_fails_hides_nothing_and_a_token_that_is_not_good_is_said() -> None:
    cluster, permissions = Cluster(), Permissions(Clock())
    cluster.refuses = Problem(403, "Forbidden", "no", "")
    assert await told(permissions, cluster) == set()
    cluster.refuses = Problem(401, "NotSignedIn", "no", "")
    with pytest.raises(Problem):
        await told(permissions, cluster)


async def test_no_token_is_kept_and_only_so_many_callers() -> None:
    cluster, permissions = Cluster(), Permissions(Clock())
    for number in range(MOST_CALLERS + 10):
        await told(permissions, cluster, f"secret-{number}", "a")
    assert len(permissions._known) == MOST_CALLERS
    assert "secret" not in str(permissions._known)


async def test_of_very_many_namespaces_some_are_asked_about() -> None:
    cluster, permissions = Cluster(), Permissions(Clock())
    assert len(await told(permissions, cluster, "ada", *(f"n{number}" for number in range(500)))) == 64
