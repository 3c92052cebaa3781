"""What a Pod of ours answers: JSON that its model describes, or why it cannot be read.

Owns the error and its words. Must not ask: that is `podhttp`.
"""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

Said = TypeVar("Said", bound=BaseModel)


class Unreadable(Exception):
    """A Pod that did not answer, or not with what it should; says why."""


def parse(model: type[Said], body: bytes) -> Said:
    """Return what an answer says; raises Unreadable, which names the first field that is not as it should be."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "the whole"
        raise Unreadable(f"{place}: {first['msg']}") from None
