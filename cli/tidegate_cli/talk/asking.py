"""One question to a model, as OpenAI's API has it, and its answer as it comes.

Owns the request and the reading of its stream. Times are of the clock that is an argument. Must not print.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Final

from tidegate_api.names import REQUEST_ID_HEADER
from tidegate_cli.talk.way import Way
from tidegate_models.errors import ModelsError

Message = Mapping[str, str]
_FIXES: Final = {
    401: "give a key with --key or TIDEGATE_API_KEY: `tidegate keys create TENANT` makes one",
    403: "the key's LLMTenant may not use this model",
    404: "`tidegate status` lists the models there are",
    429: "wait, or ask for a higher limit of the LLMTenant",
    503: "`tidegate status` says what the model waits for",
}


class Unanswered(ModelsError):
    """The gateway refused, broke off, or could not be reached."""


@dataclass(slots=True)
class Answer:
    """What has come of an answer so far; moments are of the caller's clock."""

    began: float
    text: list[str] = field(default_factory=list)
    # Of each part that held text.
    moments: list[float] = field(default_factory=list)
    ended: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    finish_reason: str | None = None

    @property
    def first_seconds(self) -> float | None:
        """From the request to the first text; None while there is none."""
        return self.moments[0] - self.began if self.moments else None


def ask(
    way: Way,
    key: str | None,
    body: Mapping[str, Any],
    answer: Answer,
    now: Callable[[], float] = time.perf_counter,
) -> Iterator[str]:
    """Ask for a streamed chat completion and yield its text as it comes; `answer` is filled meanwhile.

    Raises Unanswered for a refusal, a break, an answer without an end. Whoever stops reading ends the request.
    """
    connection: HTTPConnection | None = None
    try:
        connection = way.open()
        response = _post(connection, way, key, body)
        yield from _read(response, answer, now)
    except (OSError, HTTPException, ValueError, TypeError, AttributeError) as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise Unanswered(f"the gateway's answer broke off: {words}", way.words, "try again") from error
    finally:
        answer.ended = now()
        if connection is not None:
            connection.close()


def models(way: Way, key: str | None) -> Sequence[str]:
    """Return the models that a key may use; raises Unanswered."""
    try:
        connection = way.open()
        try:
            connection.request("GET", f"{way.prefix}/v1/models", headers=_headers(key))
            response = connection.getresponse()
            text = response.read()
            if response.status != 200:
                raise _refused(response, text, way)
            return [one["id"] for one in json.loads(text)["data"]]
        finally:
            connection.close()
    except (OSError, HTTPException, ValueError, KeyError) as error:
        raise Unanswered(f"the gateway did not answer: {error}", way.words, "is --url right?") from error


def _post(connection: HTTPConnection, way: Way, key: str | None, body: Mapping[str, Any]) -> HTTPResponse:
    asked = {**body, "stream": True, "stream_options": {"include_usage": True}}
    headers = {**_headers(key), "Content-Type": "application/json", "Accept": "text/event-stream"}
    connection.request("POST", f"{way.prefix}/v1/chat/completions", json.dumps(asked).encode(), headers)
    response = connection.getresponse()
    if response.status != 200:
        raise _refused(response, response.read(65536), way)
    return response


def _headers(key: str | None) -> dict[str, str]:
    return {"User-Agent": "tidegate", **({"Authorization": f"Bearer {key}"} if key else {})}


def _refused(response: HTTPResponse, text: bytes, way: Way) -> Unanswered:
    try:
        words = str(json.loads(text)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        words = response.reason or "no reason given"
    request = response.headers.get(REQUEST_ID_HEADER)
    where = f"{way.words}{f', request {request}' if request else ''}"
    return Unanswered(
        f"the gateway refused ({response.status}): {words}", where, _FIXES.get(response.status, "")
    )


def _read(response: HTTPResponse, answer: Answer, now: Callable[[], float]) -> Iterator[str]:
    """Yield the text of events until the last one; raises ValueError where that does not come."""
    while line := response.readline():
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        if data == b"[DONE]":
            return
        event = json.loads(data)
        if "error" in event:
            raise Unanswered(f"the answer broke off: {event['error'].get('message', event['error'])}")
        if text := _take(event, answer):
            answer.moments.append(now())
            answer.text.append(text)
            yield text
    raise ValueError("it has no end")


def _take(event: Mapping[str, Any], answer: Answer) -> str:
    if usage := event.get("usage"):
        answer.prompt_tokens = usage.get("prompt_tokens")
        answer.completion_tokens = usage.get("completion_tokens")
    text = ""
    for choice in event.get("choices") or ():
        delta = choice.get("delta") or {}
        # What a model thinks before it answers comes beside the answer.
        text += delta.get("content") or delta.get("reasoning") or delta.get("reasoning_content") or ""
        answer.finish_reason = choice.get("finish_reason") or answer.finish_reason
    return text
