"""What hubs answer to a search, as models, and what a search refuses before anybody is asked."""

from typing import Any

import pytest

from tidegate_models import Hub, HubDown, HubModel, Invalid, hubs, search

WHERE = "https://hub.example"
FULL = {
    "id": "Org/Name",
    "downloads": 12,
    "likes": 3,
    "gated": "manual",
    "pipeline_tag": "text-generation",
    "tags": ["safetensors", "license:apache-2.0"],
    "safetensors": {"parameters": {"BF16": 1000, "F32": 10}, "total": 1010},
}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param(
            FULL,
            HubModel("hf://Org/Name", 12, 3, True, "text-generation", "apache-2.0", 1010, 2040),
            id="all there is to say",
        ),
        pytest.param({"id": "Org/Name"}, HubModel("hf://Org/Name"), id="only a name"),
        pytest.param(
            {"id": "Org/Name", "gated": False}, HubModel("hf://Org/Name", gated=False), id="free for all"
        ),
        pytest.param(
            {"id": "a/b", "safetensors": {"parameters": {"F4": 8, "I8": 2}, "total": 10}},
            HubModel("hf://a/b", parameters=10, size_bytes=6),
            id="types of less than a byte",
        ),
        pytest.param(
            {"id": "a/b", "safetensors": {"parameters": {"X9": 8}, "total": 8}},
            HubModel("hf://a/b", parameters=8),
            id="a type of which nobody knows the width: no size rather than a wrong one",
        ),
    ],
)
def test_what_the_hugging_face_hub_tells(told: dict[str, Any], expected: HubModel) -> None:
    assert hubs.models(Hub.HUGGING_FACE, [told], WHERE) == [expected]


def test_what_model_scope_tells() -> None:
    one = {
        "id": "qwen/Qwen3",
        "downloads": 5,
        "likes": 1,
        "license": "apache-2.0",
        "tasks": ["text-generation", "chat"],
        "params": 1000,
        "file_size": 2048,
        "gated": False,
    }
    answer = {"success": True, "data": {"models": [one, {"id": "a/b"}], "total_count": 2}}
    assert hubs.models(Hub.MODEL_SCOPE, answer, WHERE) == [
        HubModel("ms://qwen/Qwen3", 5, 1, False, "text-generation", "apache-2.0", 1000, 2048),
        HubModel("ms://a/b"),
    ]


@pytest.mark.parametrize("hub", list(Hub))
@pytest.mark.parametrize(
    "answer", [{"error": "no"}, ["text"], [{}], None, 7, {"data": None}, {"data": {"models": [1]}}], ids=str
)
def test_an_answer_of_something_else_is_named(hub: Hub, answer: Any) -> None:
    with pytest.raises(
        HubDown, match=r"no list of models \(https://hub.example\): is that the address of a hub"
    ):
        hubs.models(hub, answer, WHERE)


def test_each_hub_is_asked_in_its_own_way() -> None:
    asked = hubs.address(Hub.HUGGING_FACE, f"{WHERE}/", "a b&c", 5, "text-generation")
    assert asked.startswith(
        f"{WHERE}/api/models?search=a+b%26c&sort=downloads&limit=5&expand=downloads&expand="
    )
    assert asked.endswith("&pipeline_tag=text-generation")
    asked = hubs.address(Hub.MODEL_SCOPE, WHERE, "qwen", 5, None)
    assert asked == f"{WHERE}/openapi/v1/models?search=qwen&sort=downloads&page_number=1&page_size=5"


@pytest.mark.parametrize(
    ("options", "environment", "says"),
    [
        pytest.param(
            {"limit": 51}, {}, r"51 models cannot be asked for at once \(limit\): 1 to 50", id="too many"
        ),
        pytest.param({"limit": 0}, {}, "0 models", id="none"),
        pytest.param({}, {"HF_ENDPOINT": "file:///etc"}, "'file:///etc' is no address of a hub", id="a file"),
        pytest.param({}, {"HF_HUB_OFFLINE": "1"}, "no hub is asked while offline", id="offline"),
        pytest.param({"endpoint": "http://["}, {}, "is no address of a hub", id="half an address"),
    ],
)
def test_what_cannot_be_asked_is_refused(options: Any, environment: dict[str, str], says: str) -> None:
    with pytest.raises((Invalid, HubDown), match=says):
        search("x", environment=environment, **options)
