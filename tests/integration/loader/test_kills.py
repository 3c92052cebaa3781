"""A download that is killed goes on where it was, as often as it takes, and is what the hub has in the end."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.loader.loading import Place, hashes, publish_large

MEGABYTES = 40
RATE = 12_000_000
ROUNDS, KILLS_A_ROUND = 5, 10
# Where in a load a kill strikes, in shares of its bytes; beyond 1, it is being checked and marked.
LAST_POINT = 1.03


def killed(place: Place, loader: subprocess.Popen[bytes], at: float, start: int, delay: float) -> bool:
    """Kill a loader when the hub has sent so many bytes in this round, and a little later; return whether it lived."""
    while loader.poll() is None and place.hub.bytes_sent() - start < at:
        time.sleep(0.002)
    time.sleep(delay)
    alive = loader.poll() is None
    loader.send_signal(signal.SIGKILL)
    loader.wait()
    return alive


def points(seed: int, size: int) -> Iterator[tuple[float, float]]:
    """Yield where to kill, in rising order, and how many seconds after that."""
    rng = random.Random(seed)
    for share in sorted(rng.uniform(0, LAST_POINT) for _ in range(KILLS_A_ROUND)):
        # Early kills strike while the interpreter starts or the hub is asked.
        yield min(share, 1.0) * size, rng.uniform(0, 0.3) if share < 0.1 else rng.uniform(0, 0.05)


@pytest.mark.slow
def test_fifty_kills_cost_no_byte_of_the_model_and_few_of_the_network(place: Place, shelf: Path) -> None:
    source = publish_large(shelf, "Org/Name", MEGABYTES)
    there = hashes(source)
    size = sum(path.stat().st_size for path in source.glob("model*"))
    place.hub.switch({"kind": "slow", "rate": RATE, "path": "/-content/"})
    kills = 0
    for number in range(ROUNDS):
        start = place.hub.bytes_sent()
        place.cache = place.cache.with_name(f"cache-{number}")
        place.cache.mkdir()
        for at, delay in points(number, size):
            kills += killed(place, place.start("hf://Org/Name"), at, start, delay)
        last = place.start("hf://Org/Name")
        assert last.wait(60) == 0
        (path,) = place.whole()
        assert place.content(path) == there
        assert not list(place.cache.rglob("parts"))
    fetched = place.hub.bytes_sent() / (ROUNDS * size)
    print(f"{kills} kills; fetched {fetched:.3f} of the size")
    assert kills >= ROUNDS * KILLS_A_ROUND * 0.9
    # What was on its way at a kill is fetched again, more of it on a busy machine. A loader that began anew
    # each time would fetch several times the size.
    assert fetched < 1.5


def test_a_load_goes_on_after_sigterm_as_the_kubelet_sends_it(place: Place, shelf: Path) -> None:
    source = publish_large(shelf, "Org/Name", 6)
    place.hub.switch({"kind": "slow", "rate": 1_000_000, "path": "/-content/"})
    loader = place.start("hf://Org/Name")
    while place.hub.bytes_sent() < 2_000_000:
        time.sleep(0.01)
    loader.send_signal(signal.SIGTERM)
    assert loader.wait(5) == 128 + signal.SIGTERM
    place.hub.switch()
    before = place.hub.bytes_sent()
    ended = place.load("hf://Org/Name")
    assert place.content(ended.said["path"]) == hashes(source)
    assert place.hub.bytes_sent() - before < 5_500_000
