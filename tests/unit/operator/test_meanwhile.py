"""What others have changed while we wrote: everything that the write leaves to them."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate_operator.cluster import Object
from tidegate_operator.meanwhile import was_changed_by_others

STATUS: Object = {
    "metadata": {"name": "chat", "uid": "1"},
    "status": {"phase": "Ready", "conditions": [1, 2]},
}
MARK: Object = {"metadata": {"name": "pod", "annotations": {"ours": "yes"}}}


def answer(of: Object, version: int = 2, **parts: Any) -> Object:
    """Return what is stored once something was written: what was there before it, and these parts."""
    metadata = {"generation": version, "resourceVersion": str(version), "managedFields": [version]}
    found = {**of, "metadata": {"uid": "1", **of["metadata"], **metadata}, "spec": {"replicas": 1}}
    return {**found, **{name: {**found.get(name, {}), **value} for name, value in parts.items()}}


BEFORE = answer({**STATUS, "status": {"phase": "Pending", "conditions": [1]}}, 1)


@pytest.mark.parametrize(
    ("before", "written", "after", "changed"),
    [
        pytest.param(BEFORE, STATUS, answer(STATUS), False, id="nobody has done anything"),
        pytest.param(BEFORE, STATUS, answer(STATUS, spec={"replicas": 2}), True, id="a user has scaled it"),
        pytest.param(
            BEFORE, STATUS, answer(STATUS, spec={"suspend": True}), True, id="a user has set a field"
        ),
        pytest.param(
            BEFORE,
            STATUS,
            answer(STATUS, metadata={"deletionTimestamp": "now"}),
            True,
            id="it is being deleted",
        ),
        pytest.param(
            BEFORE,
            STATUS,
            answer(STATUS, metadata={"annotations": {"theirs": "x"}}),
            True,
            id="it was annotated",
        ),
        pytest.param(
            BEFORE, STATUS, answer(STATUS, status={"demand": [1]}), True, id="a gateway asks for a pool"
        ),
        pytest.param(None, STATUS, answer(STATUS), False, id="it is new"),
        pytest.param(answer(MARK, 1), MARK, answer(MARK), False, id="a mark was there already"),
        pytest.param(
            answer(MARK, 1), MARK, answer(MARK, status={"phase": "Failed"}), True, id="a worker has died"
        ),
    ],
)
def test_what_others_did_is_told_apart_from_what_was_written(
    before: Object | None, written: Object, after: Object, changed: bool
) -> None:
    assert was_changed_by_others(before, written, after) is changed
