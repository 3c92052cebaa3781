"""What is answered when something cannot be done: a status, a word, and what to do."""

import json

import pytest
from kubernetes.client import ApiException

from tidegate_console.problems import of_cluster, of_models
from tidegate_models import ClusterDown, Denied, HubDown, InUse, Invalid, Missing, ModelsError

TYPED = "failed to create typed patch object (ns/a; serving.tidegate.dev/v1alpha1, Kind=LLMService): "


@pytest.mark.parametrize(
    ("status", "body", "wanted", "reason", "fields"),
    [
        (403, {"reason": "Forbidden", "message": "no"}, 403, "Forbidden", ()),
        (401, {"reason": "Unauthorized", "message": "no"}, 401, "Unauthorized", ()),
        (
            500,
            {"message": f"{TYPED}.spec.modle: field not declared in schema"},
            422,
            "Invalid",
            ("spec.modle",),
        ),
        (
            500,
            {
                "message": f"{TYPED}errors:\n  .spec.a: field not declared in schema\n  .spec.b[0].c: expected list"
            },
            422,
            "Invalid",
            ("spec.a", "spec.b[0].c"),
        ),
        (400, {"message": 'strict decoding error: unknown field "spec.x"'}, 422, "Invalid", ("spec.x",)),
        (
            422,
            {
                "reason": "Invalid",
                "message": "m",
                "details": {"causes": [{"field": "spec.qos"}, {"message": "m"}]},
            },
            422,
            "Invalid",
            ("spec.qos",),
        ),
        (500, {"message": "etcd is away"}, 502, "ClusterError", ()),
        (503, "no JSON", 502, "ClusterError", ()),
        (410, [], 502, "ClusterError", ()),
    ],
)
def test_what_the_api_server_refuses_is_refused_in_its_words(
    status: int, body: object, wanted: int, reason: str, fields: tuple[str, ...]
) -> None:
    found = of_cluster(status, body if isinstance(body, str) else json.dumps(body))
    assert (found.status, found.reason, found.fields) == (wanted, reason, fields)
    told = found.as_json()["error"]
    assert told["fix"]
    assert told.get("fields", []) == list(fields)


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (Invalid("that is no name", "token Secret", "write NAME"), 422, "That is no name (token Secret)."),
        (Missing("there is no model 'a'", "namespace x"), 404, "There is no model 'a' (namespace x)."),
        (
            InUse("a is not removed: it", "namespace x", ("chat",)),
            409,
            "A is not removed: it is used by chat",
        ),
        (ClusterDown("the API server did not answer"), 503, "The API server did not answer."),
        (HubDown("the hub answered 500"), 502, "The hub answered 500."),
        (Denied("the API server refused"), 502, "The API server refused."),
    ],
)
def test_errors_of_models_have_a_status_and_keep_their_words(
    error: ModelsError, status: int, words: str
) -> None:
    found = of_models(error)
    assert (found.status, found.reason) == (status, type(error).__name__)
    assert str(found).startswith(words)


def test_who_is_denied_is_told_as_the_api_server_has_it() -> None:
    error = Denied("no", "", "ask for `edit`")
    error.__cause__ = ApiException(status=403)
    assert of_models(error).status == 403
