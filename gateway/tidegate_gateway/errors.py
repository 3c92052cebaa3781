"""What a client is told when a request cannot be served, in the shape of OpenAI's API.

Owns every code, status and sentence. Must not echo keys, or more than 200 characters of what a client sent.

    Refused           carries a Problem to the one place that answers it
"""

from dataclasses import dataclass
from typing import Final, NoReturn

import msgspec

SHOWN_CHARACTERS: Final = 200
# Of a name that is repeated in the message and beside it.
SHOWN_OF_A_NAME: Final = 100
RETRY_SECONDS: Final = 5

INVALID: Final = "invalid_request_error"
SERVER: Final = "server_error"


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal: what the client reads, and whether its connection can still be trusted."""

    status: int
    code: str
    message: str
    kind: str = INVALID
    param: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    close: bool = False


class Refused(Exception):
    """Raised where a request turns out not to be servable."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def refuse(problem: Problem) -> NoReturn:
    """Raise `Refused`: for expressions that end a path."""
    raise Refused(problem)


def body(problem: Problem, request_id: str) -> bytes:
    """Return the JSON that OpenAI clients read."""
    error = {
        "message": problem.message,
        "type": problem.kind,
        "param": problem.param,
        "code": problem.code,
        "request_id": request_id,
    }
    return msgspec.json.encode({"error": error})


def shown(text: bytes | str, most: int = SHOWN_CHARACTERS) -> str:
    """Return a client's text as it may be repeated to it: printable ASCII, at most so many characters."""
    decoded = text.decode("latin-1") if isinstance(text, bytes) else text
    printable = "".join(c if " " <= c <= "~" else "?" for c in decoded[: most + 1])
    return printable if len(printable) <= most else printable[: most - 1] + "…"


INVALID_KEY: Final = Problem(
    401,
    "invalid_api_key",
    "No valid API key was sent. Send one as 'Authorization: Bearer sk-…'; "
    "an administrator makes keys with 'tidegate keys create'.",
    headers=(("www-authenticate", "Bearer"),),
)
BODY_TOO_LARGE: Final = Problem(
    413,
    "request_too_large",
    "The body is larger than 4 MiB, the most that is accepted. Send a shorter prompt.",
    close=True,
)
HEADERS_TOO_LARGE: Final = Problem(
    431,
    "headers_too_large",
    "The request line and headers are larger than 16 KiB or more than 100 fields. Send fewer or shorter headers.",
    close=True,
)
NOT_JSON: Final = Problem(
    415,
    "unsupported_media_type",
    "The body must be JSON, not compressed: send 'Content-Type: application/json'.",
)
TOO_MUCH_IN_IT: Final = Problem(
    400,
    "param_out_of_range",
    "The body has more than 65536 texts and keys, more than 65536 lists and objects, or more than 1024 parameters. "
    "Send fewer at a time.",
)
TIMED_OUT: Final = Problem(
    408,
    "request_timeout",
    "The request did not arrive in time: headers must be complete in 10 s, and a body in 2 minutes, without a pause of "
    "10 s.",
    close=True,
)

INTERNAL: Final = Problem(
    500,
    "internal_error",
    "The gateway failed on this request. Give the request id to an administrator.",
    SERVER,
)
STOPPING: Final = Problem(
    503,
    "gateway_stopping",
    "This gateway is being stopped, and no worker has answered yet. Try again at once: another one takes over.",
    SERVER,
    headers=(("retry-after", "1"),),
)
STOPPED: Final = Problem(
    503,
    "gateway_stopping",
    "This gateway was stopped before the answer's end, after it had waited for that as long as it may. "
    "Ask again: another one takes over.",
    SERVER,
)
ANSWER_TOO_LARGE: Final = Problem(
    502, "answer_too_large", "The answer is larger than 1 MiB. Ask for fewer tokens.", SERVER
)


def too_many_wrong_keys(most: int, seconds: int) -> Problem:
    """Return the refusal of a wrong key from an address that has sent so many within a minute."""
    message = (
        f"More than {most} wrong API keys came from this address within a minute. Send a valid one as "
        f"'Authorization: Bearer sk-…', or try again in {seconds} s."
    )
    headers = (("retry-after", str(seconds)), NO_RETRY)
    return Problem(429, "too_many_wrong_keys", message, headers=headers, close=True)


def bad_request(what: str) -> Problem:
    """Return the refusal of a request that is not clean HTTP/1.1; nothing after it can be trusted."""
    return Problem(400, "bad_request", f"Not a valid HTTP/1.1 request: {what}", close=True)


def not_found(method: bytes, path: bytes) -> Problem:
    """Return the refusal of a route that does not exist."""
    message = f"Unknown URL ({shown(method)} {shown(path)}). GET /docs shows all that is served."
    return Problem(404, "unknown_url", message)


def method_not_allowed(method: bytes, allow: str) -> Problem:
    """Return the refusal of a method that a route does not have."""
    message = f"{shown(method)} is not possible here; use {allow}."
    return Problem(405, "method_not_allowed", message, headers=(("allow", allow),))


def invalid_json(reason: str, offset: int) -> Problem:
    """Return the refusal of a body that is not one JSON object."""
    return Problem(400, "invalid_json", f"The body is not a valid JSON object: {reason} (at byte {offset}).")


def too_deep(param: str, levels: int) -> Problem:
    """Return the refusal of JSON with too many levels."""
    message = f"'{param}' makes the body nested deeper than {levels} levels, the most that is accepted."
    return Problem(400, "invalid_json", message, param=param)


def invalid_parameter(code: str, param: str, message: str) -> Problem:
    """Return the refusal of one parameter."""
    return Problem(400, code, message, param=param)


def model_not_found(model: str) -> Problem:
    """Return the same refusal for a model that does not exist and for one that this key may not see."""
    message = f"The model '{shown(model)}' does not exist or this key may not use it. GET /v1/models lists what it may."
    return Problem(404, "model_not_found", message, param="model")


def no_ready_worker(model: str) -> Problem:
    """Return the refusal while a model has no worker that could answer."""
    message = f"The model '{shown(model)}' has no ready worker now. It may be starting or suspended; try again later."
    return Problem(503, "no_ready_worker", message, SERVER, headers=(("retry-after", str(RETRY_SECONDS)),))


def no_worker_wanted(model: str, stopped: str) -> Problem:
    """Return the refusal while a model has no worker, and will not have one until somebody changes its LLMService."""
    why = "it is suspended" if stopped == "suspended" else "its number of replicas is set to 0"
    message = f"The model '{shown(model)}' has no worker: {why}. An administrator can change that."
    return Problem(503, "no_ready_worker", message, SERVER, headers=(("retry-after", str(RETRY_SECONDS)),))


def model_waking(model: str, why: str, seconds: int) -> Problem:
    """Return the refusal while a model is being started; `why` this request does not wait for it, as a sentence."""
    message = f"The model '{shown(model)}' is being started. {why} Try again in {seconds} s."
    return Problem(503, "model_waking", message, SERVER, headers=(("retry-after", str(seconds)),))


def adapter_loading(adapter: str) -> Problem:
    """Return the refusal while an adapter is to be loaded, and no worker has it yet."""
    message = (
        f"The adapter '{shown(adapter)}' is not loaded on a worker yet; if that stays, status.adapters of its "
        f"LLMService tells why. Try again in {RETRY_SECONDS} s."
    )
    return Problem(503, "adapter_loading", message, SERVER, headers=(("retry-after", str(RETRY_SECONDS)),))


def overloaded(qos_class: str, seconds: int) -> Problem:
    """Return the refusal while as many requests wait as may; `seconds` is when those will have been served."""
    message = f"All workers are busy, and as many requests of class {qos_class} wait as may. Try again in {seconds} s."
    return Problem(503, "overloaded", message, SERVER, headers=(("retry-after", str(seconds)),))


def waited_too_long(qos_class: str, seconds: float) -> Problem:
    """Return the refusal of a request that waited for as long as its class may."""
    message = (
        f"No worker had room for this request of class {qos_class} within {seconds:.0f} s. Try again later, or send "
        "fewer requests at a time."
    )
    return Problem(503, "overloaded", message, SERVER, headers=(("retry-after", str(RETRY_SECONDS)),))


def too_many_turns(most: int) -> Problem:
    """Return the refusal of a request that would wait for its turn behind too many others."""
    message = (
        f"{most} requests wait for their turn at this model already. Try again later, or use /v1/generate."
    )
    return Problem(503, "overloaded", message, SERVER, headers=(("retry-after", str(RETRY_SECONDS)),))


def worker_failed(status: int = 502) -> Problem:
    """Return the refusal when a worker failed, and no other could be asked instead."""
    message = (
        "The worker failed on this request. Try again; if it stays, give the request id to an administrator."
    )
    headers = (("retry-after", str(RETRY_SECONDS)),) if status == 503 else ()
    return Problem(status, "worker_failed", message, SERVER, headers=headers)


def worker_timeout(seconds: float) -> Problem:
    """Return the refusal when a worker sent nothing for too long."""
    message = f"The worker sent nothing for {seconds:.0f} s. Ask for fewer tokens, or stream the answer."
    return Problem(504, "worker_timeout", message, SERVER)


Headers = tuple[tuple[str, str], ...]

RATE_LIMITED: Final = "rate_limit_exceeded"
QUOTA: Final = "insufficient_quota"
# The official clients try a 429 again unless they are told that it is of no use.
NO_RETRY: Final = ("x-should-retry", "false")


def _rate_limited(kind: str, message: str, seconds: int, shown: Headers) -> Problem:
    headers = (("retry-after", str(seconds)), *shown)
    return Problem(429, RATE_LIMITED, f"{message} Try again in {seconds} s.", kind, headers=headers)


def too_many_requests(limit: int, seconds: int, shown: Headers) -> Problem:
    """Return the refusal of a request over the number in a minute; `shown` are the headers of the limits."""
    return _rate_limited(
        "requests", f"Rate limit reached: this tenant may send {limit} requests per minute.", seconds, shown
    )


def too_many_tokens(limit: int, used: int, tokens: int, seconds: int, shown: Headers) -> Problem:
    """Return the refusal of a request for whose tokens the minute has no room."""
    message = (
        f"Rate limit reached: this tenant may use {limit} tokens per minute, {used} are used, "
        f"and this request needs about {tokens}."
    )
    return _rate_limited("tokens", message, seconds, shown)


def too_many_at_once(limit: int, seconds: int, shown: Headers) -> Problem:
    """Return the refusal of a request beside too many others."""
    message = (
        f"Rate limit reached: this tenant may have {limit} requests at a time, waiting ones included; "
        "let one end before the next."
    )
    return _rate_limited("requests", message, seconds, shown)


def never_within_limit(limit: int, tokens: int, shown: Headers) -> Problem:
    """Return the refusal of a request that is larger than a whole minute's tokens."""
    message = (
        f"This request needs about {tokens} tokens, more than the {limit} that this tenant may use per minute, so it "
        "can never be served. Send a shorter prompt or ask for fewer tokens, or have the limit raised."
    )
    return Problem(429, RATE_LIMITED, message, "tokens", headers=(NO_RETRY, *shown))


def nothing_allowed(what: str, kind: str, shown: Headers) -> Problem:
    """Return the refusal of every request of a tenant that is allowed none."""
    message = f"This tenant may not send requests: its limit is 0 {what}. An administrator can raise it."
    return Problem(429, RATE_LIMITED, message, kind, headers=(NO_RETRY, *shown))


def budget_spent(
    budget: int, spent: int, tokens: int, *, window: str, until: str, seconds: int, shown: Headers
) -> Problem:
    """Return the refusal of a request for which the budget of the present hour, day, week or month does not suffice."""
    message = (
        f"The budget of this tenant does not suffice: {spent} of {budget} tokens of this {window} are used, and this "
        f"request needs about {tokens}. "
    )
    if tokens > budget:
        message += "Ask for fewer tokens, or have the budget raised."
        return Problem(429, QUOTA, message, QUOTA, headers=(NO_RETRY, *shown))
    message += f"It begins anew at {until}; an administrator can raise it before."
    headers = (("retry-after", str(seconds)), NO_RETRY, *shown)
    return Problem(429, QUOTA, message, QUOTA, headers=headers)
