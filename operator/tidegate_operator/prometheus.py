"""Engines' metrics from Prometheus: a few queries for all workers at once.

Owns the client, its thread and how long it may take. It is asked in a thread of its own, since the client blocks; while
one look hangs no second one begins. Must not decide what an answer means.
"""

import asyncio
import io
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from math import ceil
from typing import Any

import requests
from prometheus_api_client.exceptions import PrometheusApiClientException
from prometheus_api_client.prometheus_connect import PrometheusConnect
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as TransportTimeoutError
from urllib3.util.retry import Retry

from tidegate_api.settings import PrometheusSettings
from tidegate_operator.engines import Engine, Figures, Read, Unusable, figures
from tidegate_operator.promql import QUERIES, Pod, read_answers

# About 20,000 workers.
MOST_BYTES = 8 * 1024 * 1024

# The client's own, those below it, and the network's.
_FAILURES = (PrometheusApiClientException, requests.RequestException, HTTPError, OSError)

Signals = Mapping[Pod, Mapping[str, float]]


class TooLarge(requests.RequestException):
    """An answer that is no answer to what was asked."""


class Prometheus:
    """`Engines` by PromQL. `now` is Unix time."""

    def __init__(self, settings: PrometheusSettings, now: Callable[[], float] = time.time) -> None:
        session = requests.Session()
        session.hooks["response"].append(_bounded)
        # The next look is soon enough. With `read` a number, silence would be told as a connection that failed.
        retry = Retry(0, read=False)
        self._client = PrometheusConnect(settings.url.rstrip("/"), retry=retry, session=session)
        self._seconds = float(settings.timeout_seconds)
        self._now = now
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="prometheus")
        self._asked: Future[Signals] | None = None

    async def read(self, engines: Collection[Engine]) -> Read:
        """See Engines."""
        if not engines:
            return Read({}, {})
        try:
            signals = await self._ask()
        except (requests.JSONDecodeError, UnicodeDecodeError, LookupError, TypeError):
            return _all_missing(engines, "Prometheus answers with something else than its API does")
        except (*_FAILURES, ValueError) as error:
            return _all_missing(engines, _words(error))
        return self._read_of(engines, signals)

    def close(self) -> None:
        """Ask nothing more; what is under way is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    async def _ask(self) -> Signals:
        if self._asked is not None and not self._asked.done():
            raise TimeoutError("Prometheus has not answered the last question yet")
        self._asked = self._thread.submit(self._query, time.monotonic() + self._seconds)
        answer = asyncio.wrap_future(self._asked)
        # Whoever has stopped waiting is not told how it ended.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.shield(answer)
        except TimeoutError:
            raise TimeoutError(f"Prometheus did not answer within {self._seconds:g} s") from None

    def _query(self, until: float) -> Signals:
        answers: dict[str, Any] = {}
        for signal, query in QUERIES.items():
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"Prometheus did not answer within {self._seconds:g} s")
            answers[signal] = self._client.custom_query(query, timeout=ceil(left))
        return read_answers(answers)

    def _read_of(self, engines: Collection[Engine], signals: Signals) -> Read:
        found: dict[str, Figures] = {}
        missing: dict[str, str] = {}
        now = self._now()
        for engine in engines:
            told = dict(signals.get(Pod(engine.namespace, engine.pod), {}))
            try:
                if "at" not in told:
                    raise Unusable("Prometheus does not know it")
                found[engine.uid] = figures(told, told.pop("at"), now)
            except Unusable as error:
                missing[engine.uid] = f"Prometheus: {error}"
        return Read(found, missing)


def _all_missing(engines: Collection[Engine], why: str) -> Read:
    return Read({}, {engine.uid: why for engine in engines})


def _words(error: Exception) -> str:
    if isinstance(error, PrometheusApiClientException):
        # It holds the whole body of the answer.
        return f"Prometheus refuses: {str(error)[:200]}"
    if isinstance(error, TimeoutError | TooLarge):
        return str(error)
    if isinstance(error, requests.Timeout | TransportTimeoutError):
        return "Prometheus did not answer in time"
    return f"Prometheus cannot be asked: {type(error).__name__}"


def _bounded(answer: requests.Response, *_: object, **__: object) -> None:
    """Read an answer up to a limit, whatever length it says that it has."""
    body = answer.raw.read(MOST_BYTES + 1, decode_content=True)
    if len(body) > MOST_BYTES:
        answer.close()
        raise TooLarge(f"the answer of Prometheus has more than {MOST_BYTES} bytes")
    answer.raw = io.BytesIO(body)
