"""A load of questions: so many at a time (a closed loop), or as they come (an open one).

Owns the threads and the schedule. In an open loop a request counts from when it was due: what a late client hid would
be what a slow gateway does to those who wait. Must not judge what comes of it.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tidegate_cli.talk.asking import Answer, ask
from tidegate_cli.talk.way import Way
from tidegate_models.errors import ModelsError

# Of the words that prompts are made of: each is one token, or two, of nearly any vocabulary.
_WORDS: Final = (
    "time",
    "year",
    "people",
    "way",
    "day",
    "man",
    "thing",
    "woman",
    "life",
    "child",
    "world",
    "school",
)
# In an open loop, who is asked at the same time; beyond it the loop would not be open.
MOST_AT_A_TIME: Final = 512


@dataclass(slots=True)
class Outcome:
    """What came of a load."""

    answers: list[Answer] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def prompt(tokens: int, rng: random.Random) -> str:
    """Return about so many tokens of a prompt that no cache has seen."""
    return " ".join(rng.choice(_WORDS) for _ in range(max(1, tokens)))


def due_seconds(requests: int, per_second: float, rng: random.Random) -> list[float]:
    """Return when requests are due: a Poisson process, from its first at 0."""
    moments, at = [], 0.0
    for _ in range(requests):
        moments.append(at)
        at += rng.expovariate(per_second)
    return moments


def closed(
    way: Way, key: str | None, bodies: Sequence[Any], at_a_time: int, told: Callable[[], object]
) -> Outcome:
    """Ask each question as soon as one of so many askers is free."""
    outcome, left = Outcome(), iter(bodies)
    lock = threading.Lock()

    def work() -> None:
        while (body := _next(left, lock)) is not None:
            _one(way, key, body, Answer(time.perf_counter()), outcome)
            told()

    _run([threading.Thread(target=work, daemon=True) for _ in range(min(at_a_time, len(bodies)))])
    return outcome


def opened(
    way: Way, key: str | None, bodies: Sequence[Any], due: Sequence[float], told: Callable[[], object]
) -> Outcome:
    """Ask each question when it is due, whoever is still being answered."""
    outcome, began = Outcome(), time.perf_counter()
    room = threading.Semaphore(MOST_AT_A_TIME)

    def work(body: Any, at: float) -> None:
        with room:
            _one(way, key, body, Answer(began + at), outcome)
            told()

    threads = []
    for body, at in zip(bodies, due, strict=True):
        time.sleep(max(0.0, began + at - time.perf_counter()))
        threads.append(threading.Thread(target=work, args=(body, at), daemon=True))
        threads[-1].start()
    _join(threads)
    return outcome


def _one(way: Way, key: str | None, body: Any, answer: Answer, outcome: Outcome) -> None:
    try:
        for _ in ask(way, key, body, answer):
            pass
    except ModelsError as error:
        outcome.errors.append(str(error))
    else:
        outcome.answers.append(answer)


def _next(left: Iterator[Any], lock: threading.Lock) -> Any:
    with lock:
        return next(left, None)


def _run(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    _join(threads)


def _join(threads: Sequence[threading.Thread]) -> None:
    # In steps, so that Ctrl-C is heard.
    for thread in threads:
        while thread.is_alive():
            thread.join(0.2)
