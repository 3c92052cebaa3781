"""What clients send: the names in paths, and the bodies of what changes something.

Owns their form; what a spec may say is the API server's. Must not ask anybody.
"""

import json
import re
from math import isfinite
from typing import Annotated, Any, Final, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from tidegate_console.problems import Problem

# Of any request with a body: an LLMService is a hundredth of it.
MOST_BYTES: Final = 1 << 20
_LABEL: Final = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_SUBDOMAIN: Final = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"
_DEEPEST: Final = 64

Namespace = Annotated[str, StringConstraints(pattern=_LABEL)]
Name = Annotated[str, StringConstraints(pattern=_SUBDOMAIN)]
KeyName = Annotated[str, StringConstraints(pattern=_LABEL)]


class Body(BaseModel):
    """A body: names as in Kubernetes, and nothing in it that is not asked for."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)


class SecretKey(Body):
    """A key of a Secret of the namespace."""

    name: Name = Field(description="Name of the Secret.")
    key: str = Field("token", pattern=r"^[-._a-zA-Z0-9]{1,253}$", description="Key in it.")


class Pull(Body):
    """A model to bring into a namespace's cache."""

    namespace: Namespace = Field(description="Namespace of the cache.")
    uri: str = Field(max_length=512, description="`hf://ORG/NAME` or `ms://ORG/NAME`.")
    revision: str | None = Field(
        None, max_length=255, description="Branch, tag or commit. Default: the hub's."
    )
    token_secret_ref: SecretKey | str | None = Field(
        None, description="Secret with a token of the hub, also as `NAME` or `NAME/KEY`. Never the token."
    )

    @property
    def token_secret(self) -> str | None:
        """Return it as `NAME/KEY`."""
        reference = self.token_secret_ref
        return f"{reference.name}/{reference.key}" if isinstance(reference, SecretKey) else reference


class Applied(Body):
    """An object to be made, or changed, by server-side apply."""

    namespace: Namespace = Field(description="Its namespace.")
    name: Name = Field(description="Its name.")
    spec: dict[str, Any] = Field(description="Its spec, as `kubectl apply` would have it.")


class NewKey(Body):
    """An API key to be made for a tenant."""

    namespace: Namespace = Field(description="Namespace of the tenant.")
    tenant: Name = Field(description="Name of the LLMTenant, which is made if there is none.")
    name: KeyName = Field("default", description="Name of the key within the tenant.")
    qos_class: Literal["high", "medium", "low"] | None = Field(
        None, description="Class of the tenant. Unset: as it is, and medium for a new one."
    )
    not_after: str | None = Field(
        None,
        max_length=64,
        description="When it is no longer accepted: `30d` (m, h, d or w from now), or `2027-01-31T00:00:00Z`. "
        "Default: never.",
    )


Read = TypeVar("Read", bound=Body)


def read(model: type[Read], raw: bytes) -> Read:
    """Return a body; raises Problem 400 for what is no JSON, 422 naming the fields that are wrong."""
    try:
        found = _load(raw)
    except (ValueError, RecursionError):
        raise Problem(400, "BadRequest", "The body is no JSON.", "send a JSON object") from None
    if _is_deeper(found, _DEEPEST):
        raise Problem(400, "BadRequest", f"The body has more than {_DEEPEST} levels.", "send less deep JSON")
    try:
        return model.model_validate(found)
    except ValidationError as error:
        raise _refusal(error) from None


def _load(raw: bytes) -> Any:
    """Return what JSON says, if it says one thing only; raises ValueError.

    Python also reads NaN, numbers beyond all floats, halves of characters, UTF-16, and takes the last of two keys: the
    API server would be sent what nobody has written.
    """
    found = json.loads(
        raw.decode(), parse_constant=_no_number, parse_float=_number, object_pairs_hook=_each_once
    )
    json.dumps(found, ensure_ascii=False).encode()
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _number(text: str) -> float:
    value = float(text)
    return value if isfinite(value) else _no_number(text)


def _each_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a key comes twice")
    return found


def namespace_of(text: str) -> str:
    """Return a namespace's name out of a path or a query; raises Problem for what can be none."""
    return _checked(text, _LABEL, "a namespace")


def name_of(text: str) -> str:
    """Return an object's name out of a path; raises Problem for what can be none."""
    return _checked(text, _SUBDOMAIN, "an object")


def whole_number(text: str, name: str, least: int, most: int) -> int:
    """Return a number out of a query; raises Problem."""
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise Problem(
            400, "BadRequest", f"{name!r} must be {least} to {most}.", f"write {name}={least}", (name,)
        )
    return int(text)


def switch(text: str | None, name: str) -> bool:
    """Return a yes or no out of a query; raises Problem."""
    if text not in {None, "true", "false"}:
        raise Problem(400, "BadRequest", f"{name!r} must be true or false.", f"write {name}=true", (name,))
    return text == "true"


def _checked(text: str, pattern: str, what: str) -> str:
    if not re.fullmatch(pattern, text):
        raise Problem(
            400, "BadRequest", f"That is no name of {what}.", "names are lower-case letters, digits and '-'"
        )
    return text


def _refusal(error: ValidationError) -> Problem:
    # What was sent is not repeated: it may be a secret in a wrong place.
    wrong = [(".".join(map(str, one["loc"])) or "body", one["msg"]) for one in error.errors()[:8]]
    told = "; ".join(f"{field}: {message}" for field, message in wrong)
    return Problem(
        422, "Invalid", f"{told}.", "correct the fields that are named", [field for field, _ in wrong]
    )


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(one, levels - 1) for one in inner)
