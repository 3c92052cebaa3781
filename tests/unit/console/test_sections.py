"""What a stream shows, out of what the API server has."""

from typing import Any

import pytest

from tidegate_console import sections
from tidegate_console.sections import MOST_EVENTS


def event(
    kind: str = "LLMService", name: str = "chat", at: str = "2026-11-22T05:00:00Z", **more: Any
) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "team", "name": "e1", "creationTimestamp": "2026-11-22T01:00:00Z"},
        "involvedObject": {"kind": kind, "name": name, "namespace": "team"},
        "lastTimestamp": at,
        "reason": "Happened",
        "message": "so",
        **more,
    }


def test_an_object_is_shown_without_what_the_api_server_keeps_for_itself() -> None:
    item = {
        "apiVersion": "v1",
        "kind": "K",
        "metadata": {
            "name": "n",
            "namespace": "ns",
            "managedFields": [1],
            "resourceVersion": "7",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"},
        },
        "spec": {"x": 1},
        "status": {"phase": "Ready"},
    }
    assert sections.shown(item) == {
        "apiVersion": "v1",
        "kind": "K",
        "metadata": {"name": "n", "namespace": "ns", "annotations": {"a": "b"}},
        "spec": {"x": 1},
        "status": {"phase": "Ready"},
    }


@pytest.mark.parametrize(
    ("more", "at", "count"),
    [
        ({}, "2026-11-22T05:00:00Z", 1),
        ({"count": 7}, "2026-11-22T05:00:00Z", 7),
        ({"series": {"count": 9, "lastObservedTime": "2026-11-22T06:00:00.5Z"}}, "2026-11-22T06:00:00.5Z", 9),
        ({"lastTimestamp": None, "eventTime": "2026-11-22T04:00:00.1Z"}, "2026-11-22T04:00:00.1Z", 1),
        ({"lastTimestamp": None}, "2026-11-22T01:00:00Z", 1),
    ],
    ids=["once", "counted", "a series", "a new one", "of which only its making is known"],
)
def test_an_event_was_last_seen_when_its_kind_of_event_says(
    more: dict[str, Any], at: str, count: int
) -> None:
    found = sections.entry(event(**more))
    assert (found["at"], found["count"], found["type"]) == (at, count, "Normal")


@pytest.mark.parametrize(
    ("kind", "name", "is_ours"),
    [
        ("LLMService", "other", True),
        ("LLMModel", "m", True),
        ("Pod", "chat-shared-6f-x", True),
        ("Pod", "chat-high-6f-x", True),
        ("Pod", "weights-9a-load", True),
        ("Pod", "chat-bot-1", False),
        ("Pod", "chatty-shared-1", False),
        ("Node", "chat-shared-1", False),
    ],
)
def test_events_are_ours_by_kind_or_by_whom_the_pod_was_made_for(kind: str, name: str, is_ours: bool) -> None:
    found = [sections.entry(one) for one in [event(kind, name)] if sections.may_be_ours(one)]
    shown = sections.events(found, {("team", "chat"): {}}, {("team", "weights"): {}}, None)
    assert bool(shown) == is_ours
    assert sections.events(found, {("else", "chat"): {}}, {("else", "weights"): {}}, "else") == []


def test_the_newest_events_come_first_and_no_more_than_so_many() -> None:
    found = [
        sections.entry(event(at=f"2026-11-22T05:{n // 60:02}:{n % 60:02}Z")) for n in range(MOST_EVENTS + 50)
    ]
    found.append(sections.entry(event(at="2026-11-22T05:04:09.5Z")))
    shown = sections.events(found, {}, {}, None)
    assert len(shown) == MOST_EVENTS
    assert [one["at"] for one in shown[:3]] == [
        "2026-11-22T05:04:09.5Z",
        "2026-11-22T05:04:09Z",
        "2026-11-22T05:04:08Z",
    ]


def test_what_is_live_is_told_of_what_may_be_seen_only() -> None:
    told = {"at": "now", "services": {"a/x": 1, "b/y": 2}, "tenants": {"a/t": 3, "b/t": 4}}
    assert sections.live_of(told, {"a/x", "a/none"}, {"b/t"}) == {
        "at": "now",
        "services": {"a/x": 1},
        "tenants": {"b/t": 4},
    }


def test_a_message_is_one_line_of_data_whatever_is_in_it() -> None:
    data = sections.compact({"a": "line\nbreak\r and é"})
    assert (
        sections.message("live", 3, data)
        == 'event: live\nid: 3\ndata: {"a":"line\\nbreak\\r and é"}\n\n'.encode()
    )


def test_objects_are_in_the_order_of_their_names_and_of_the_namespace_that_is_asked_for() -> None:
    items = [
        {"metadata": {"namespace": ns, "name": name}} for ns, name in (("b", "a"), ("a", "z"), ("a", "c"))
    ]
    names = [(one["metadata"]["namespace"], one["metadata"]["name"]) for one in sections.objects(items, None)]
    assert names == [("a", "c"), ("a", "z"), ("b", "a")]
    assert len(sections.objects(items, "b")) == 1
