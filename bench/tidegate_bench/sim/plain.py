"""The routes that generate nothing: health, metrics, models, tokens.

Owns what they say. Pure.
"""

import json
from typing import Any

from tidegate_bench.sim import answer, ask, metrics
from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.scheduler import Scheduler
from tidegate_bench.sim.sequence import Prompt


def respond(scheduler: Scheduler, method: str, path: str, body: bytes, now: float) -> bytes:
    """Return the answer; `now` is seconds since 1970. Raises Refused for a route that there is not."""
    route = (method, path)
    if route == ("GET", "/health"):
        return answer.whole(b"")
    if route == ("GET", "/metrics"):
        text = metrics.render(scheduler, now)
        return answer.whole(text.encode(), media_type=metrics.CONTENT_TYPE)
    if route == ("GET", "/v1/models"):
        return as_json(_models(scheduler.profile))
    if route == ("POST", ask.TOKENIZE):
        return as_json(_tokenize(scheduler.profile, body))
    raise ask.Refused(404, "NotFoundError", f"there is no {method} {path}")


def as_json(content: object) -> bytes:
    """Return an answer with this content."""
    return answer.whole(json.dumps(content, separators=(",", ":")).encode())


def _models(profile: Profile) -> dict[str, Any]:
    names = [(profile.model, None), *((name, profile.model) for name in profile.adapters)]
    cards = [
        {
            "id": name,
            "object": "model",
            "created": 1,
            "owned_by": "vllm",
            "root": name,
            "parent": parent,
            "max_model_len": None if parent else profile.max_model_len,
        }
        for name, parent in names
    ]
    return {"object": "list", "data": cards}


def _tokenize(profile: Profile, body: bytes) -> dict[str, Any]:
    (data,) = ask.prompts(ask.TOKENIZE, ask.read(body))
    count = Prompt(data, profile.block_size).tokens
    return {"count": count, "max_model_len": profile.max_model_len, "tokens": list(range(count))}
