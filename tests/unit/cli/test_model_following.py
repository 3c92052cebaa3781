"""Following a download: every change once, through cuts, until it is over."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tidegate_models import ClusterDown, Missing
from tidegate_models.cluster import WatchCut
from tidegate_models.following import follow
from unit.cli.modelcluster import model

Step = Any


@dataclass
class Scripted:
    """A cluster whose reads and watches go by a script: what a read finds, then what its watch tells."""

    reads: list[Any]
    watches: list[list[Any]]
    namespace: str = "team-a"
    versions: list[str] = field(default_factory=list)

    def read(self, kind: str, name: str) -> Any:
        found = self.reads.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    def changes(self, kind: str, name: str, version: str) -> Iterator[Any]:
        self.versions.append(version)
        for one in self.watches.pop(0):
            if isinstance(one, Exception):
                raise one
            yield one


def at(percent: int, phase: str = "Downloading", version: str = "7") -> Any:
    found = model(status={"phase": phase, "percent": percent})
    found["metadata"]["resourceVersion"] = version
    return found


def course(cluster: Scripted) -> tuple[list[tuple[str, int | None]], list[float]]:
    pauses: list[float] = []
    seen = [(one.phase, one.percent) for one in follow(cluster, "m", pauses.append)]  # type: ignore[arg-type]
    return seen, pauses


def test_each_change_is_told_once_until_it_is_there() -> None:
    cluster = Scripted([at(0)], [[at(0), at(40), at(40), at(90, "Verifying"), at(100, "Ready"), at(3)]])
    assert course(cluster) == (
        [("Downloading", 0), ("Downloading", 40), ("Verifying", 90), ("Ready", 100)],
        [],
    )


def test_one_that_is_there_already_is_not_watched() -> None:
    cluster = Scripted([at(100, "Ready")], [])
    assert course(cluster)[0] == [("Ready", 100)]


def test_a_failure_is_the_end() -> None:
    assert course(Scripted([at(1)], [[at(2, "Failed"), at(3)]]))[0][-1] == ("Failed", 2)


def test_a_pause_is_not() -> None:
    cluster = Scripted([at(1, "Suspended")], [[at(1), at(100, "Ready")]])
    assert course(cluster)[0] == [("Suspended", 1), ("Downloading", 1), ("Ready", 100)]


def test_a_watch_that_ends_by_its_time_goes_on_from_what_is_there_now() -> None:
    cluster = Scripted([at(1, version="7"), at(2, version="9")], [[], [at(100, "Ready")]])
    assert course(cluster) == ([("Downloading", 1), ("Downloading", 2), ("Ready", 100)], [])
    assert cluster.versions == ["7", "9"]


def test_cuts_are_outlived_with_growing_pauses_that_a_success_ends() -> None:
    cluster = Scripted(
        [at(1), ClusterDown("down"), ClusterDown("down"), at(1), at(5)],
        [[WatchCut("reset")], [at(2), WatchCut("reset")], [at(100, "Ready")]],
    )
    seen, pauses = course(cluster)
    assert seen == [("Downloading", 1), ("Downloading", 2), ("Downloading", 5), ("Ready", 100)]
    assert pauses == [0.5, 1.0, 2.0, 0.5]


def test_an_api_server_that_stays_away_is_told_after_two_minutes() -> None:
    cluster = Scripted([ClusterDown("down")] * 99, [])
    pauses: list[float] = []
    with pytest.raises(ClusterDown, match=r"stays away: down .*the download goes on without you"):
        list(follow(cluster, "m", pauses.append))  # type: ignore[arg-type]
    assert 100 < sum(pauses) < 140


@pytest.mark.parametrize(
    "cluster",
    [
        pytest.param(Scripted([at(1)], [[None]]), id="while it is watched"),
        pytest.param(Scripted([at(1), Missing("no m")], [[]]), id="between two watches"),
    ],
)
def test_a_model_that_is_removed_meanwhile_is_missing(cluster: Scripted) -> None:
    with pytest.raises(Missing):
        course(cluster)
