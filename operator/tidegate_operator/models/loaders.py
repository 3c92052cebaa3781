"""What the operator asks of a loader, and how its answer is read: the one seam between our code and their port.

Owns the question and the grammar of the answer; `loaderhttp.py` asks for real, tests have a stand-in. Must not import a
client, nor trust an answer to be what it should: a loader may be of another version.
"""

from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from tidegate_operator.models.facts import Progress, Step
from tidegate_operator.podanswer import parse

# Bytes fit where the API server keeps them.
Count = Annotated[int, Field(ge=0, le=2**53)]


class Loaders(Protocol):
    """The loaders, as far as the operator needs them."""

    async def read(self, address: str) -> Progress:
        """Return what the loader at an IP address says; raises Unreadable."""


class _Said(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True)

    step: Step
    revision: Annotated[str, Field(max_length=128)] | None = None
    path: Annotated[str, Field(max_length=512)] | None = None
    bytes_done: Count = 0
    bytes_total: Count = 0
    bytes_per_second: Count | None = None
    remaining_seconds: Count | None = None
    files_done: Count = 0
    files_total: Count = 0


def read_progress(body: bytes) -> Progress:
    """Return what the JSON of a loader says; raises Unreadable. What we do not know is passed over."""
    said = parse(_Said, body)
    return Progress(
        step=said.step,
        revision=said.revision,
        path=said.path,
        bytes_done=said.bytes_done,
        bytes_total=said.bytes_total,
        bytes_per_second=said.bytes_per_second or 0,
        remaining_seconds=said.remaining_seconds,
        files_done=said.files_done,
        files_total=said.files_total,
    )
