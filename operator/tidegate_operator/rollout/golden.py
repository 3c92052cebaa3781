"""Golden prompts: what a ConfigMap asks of a version, and whether an answer is what is expected.

Owns their grammar and bounds. Must not send anything, or try a pattern: that takes as long as its author likes, and is
done where it can be stopped.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel

MOST_PROMPTS: Final = 50
MOST_BYTES: Final = 64 * 1024
# As many characters of an answer are shown where it is not what was expected.
_SHOWN: Final = 80

_Text = Annotated[str, StringConstraints(min_length=1, max_length=8192)]
_Expected = Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class Unusable(Exception):
    """The ConfigMap does not hold golden prompts: what is wrong, and where."""


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class Message(_Model):
    """One message of a chat."""

    role: Literal["system", "user", "assistant"]
    content: _Text


class Prompt(_Model):
    """A prompt and what is expected of its answer: exactly one of `contains`, `regex` and `exact`."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=63)]
    prompt: _Text | None = None
    messages: Annotated[list[Message], Field(min_length=1, max_length=16)] | None = None
    contains: _Expected | None = None
    regex: _Expected | None = None
    exact: _Expected | None = None
    max_tokens: int = Field(32, ge=1, le=512)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.prompt is None) == (self.messages is None):
            raise ValueError("give either prompt or messages")
        if sum(one is not None for one in (self.contains, self.regex, self.exact)) != 1:
            raise ValueError("give exactly one of contains, regex and exact")
        return self

    @property
    def path(self) -> str:
        """Return where it is asked."""
        return "/v1/chat/completions" if self.messages is not None else "/v1/completions"

    def body(self, model: str) -> dict[str, Any]:
        """Return the request: at temperature 0, so that the same workers give the same answer."""
        asked: dict[str, Any] = {"model": model, "temperature": 0, "seed": 0, "max_tokens": self.max_tokens}
        if self.messages is not None:
            return {**asked, "messages": [one.model_dump() for one in self.messages]}
        return {**asked, "prompt": self.prompt}


def read(config: Mapping[str, Any]) -> list[Prompt]:
    """Return the prompts of a ConfigMap, in the order of its keys; raises Unusable."""
    data = {key: str(text) for key, text in sorted((config.get("data") or {}).items())}
    size = sum(len(text.encode()) for text in data.values())
    if size > MOST_BYTES:
        raise Unusable(f"it holds {size} bytes, and {MOST_BYTES} are most")
    prompts = [prompt for key, text in data.items() for prompt in _read(key, text)]
    if not prompts:
        raise Unusable("it holds no prompt: each of its keys must hold a YAML list of them")
    if len(prompts) > MOST_PROMPTS:
        raise Unusable(f"it holds {len(prompts)} prompts, and {MOST_PROMPTS} are most")
    return prompts


def _read(key: str, text: str) -> list[Prompt]:
    if "&" in text and "*" in text and _has_alias(text):
        raise Unusable(f"key {key!r}: YAML anchors are not taken")
    try:
        entries = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise Unusable(f"key {key!r} is no YAML: {str(error)[:200]}") from error
    if not isinstance(entries, list):
        raise Unusable(f"key {key!r} must hold a YAML list of prompts")
    try:
        return [Prompt.model_validate(entry) for entry in entries[: MOST_PROMPTS + 1]]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "the whole"
        words = f"key {key!r}: {place}: {first['msg'].removeprefix('Value error, ')}"
        raise Unusable(words) from error


def _has_alias(text: str) -> bool:
    """Return whether a text uses aliases, by which a short one becomes a very long one."""
    try:
        return any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text))
    except yaml.YAMLError:
        return False


def answer_of(body: Mapping[str, Any]) -> str | None:
    """Return the text of an engine's answer, None where it has none."""
    try:
        choice = body["choices"][0]
        found = choice["message"]["content"] if "message" in choice else choice["text"]
    except (KeyError, IndexError, TypeError):
        return None
    return found if isinstance(found, str) else None


def objection(prompt: Prompt, answer: str, *, matches: bool) -> str | None:
    """Return what is to be said against an answer, None where it is as expected; `matches` is what its pattern says."""
    wanted, is_met = _wanted(prompt, answer, matches=matches)
    if is_met:
        return None
    shown = answer if len(answer) <= _SHOWN else f"{answer[:_SHOWN]}…"
    return f"{prompt.name!r} was answered {shown!r}, which {wanted}"


def _wanted(prompt: Prompt, answer: str, *, matches: bool) -> tuple[str, bool]:
    if prompt.contains is not None:
        return f"does not contain {prompt.contains[:_SHOWN]!r}", prompt.contains in answer
    if prompt.exact is not None:
        return f"is not {prompt.exact[:_SHOWN]!r}", answer.strip() == prompt.exact.strip()
    return f"does not match {(prompt.regex or '')[:_SHOWN]!r}", matches
