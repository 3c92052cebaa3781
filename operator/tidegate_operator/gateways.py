"""What the operator asks of a gateway, and how its answer is read: the one seam between our code and their port.

Owns the question and the grammar of the answer; `gatewayhttp.py` asks for real, tests have a stand-in. Must not
import a client, nor trust an answer to be what it should: a gateway may be of another version.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from tidegate_api.firsttoken import LAST
from tidegate_api.names import QosClass
from tidegate_operator.census import ClassReading, PoolCounters, PoolReading, Reading, VersionsReading
from tidegate_operator.facts import Counters, Key
from tidegate_operator.podanswer import parse
from tidegate_operator.rollout.facts import Compared, Counts

Count = Annotated[int, Field(ge=0)]
Bucket = Annotated[int, Field(ge=0, le=LAST)]
# Gateways may reckon in fractions.
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1, max_length=253)]


class Gateways(Protocol):
    """The gateways, as far as the operator needs them."""

    async def read(self, address: str) -> Reading:
        """Return what the gateway at an IP address says; raises Unreadable."""


class _Said(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class _Class(_Said):
    name: QosClass
    queued: Count
    running: Count
    share_percent: Amount | None = None


class _Pool(_Said):
    namespace: Name
    service: Name
    pool: Name
    credits_used: Amount
    credits_limit: Amount
    classes: Sequence[_Class] = ()
    queued_prompt_tokens: Count = 0
    queued_output_tokens: Count = 0
    # Without this one, the gateway counts nothing of a pool.
    arrived_requests: Count | None = None
    arrived_prompt_tokens: Count = 0
    finished_requests: Count = 0
    finished_output_tokens: Count = 0
    first_tokens: Count = 0
    late_first_tokens: Count = 0


class _Worker(_Said):
    uid: Name
    in_flight: Count


class _Tenant(_Said):
    namespace: Name
    name: Name
    requests: Count
    prompt_tokens: Count
    completion_tokens: Count


class _Version(_Said):
    requests: Count
    errors: Count
    # JSON's keys are text.
    ttft: Mapping[Bucket, Count] = Field(default_factory=dict, max_length=LAST + 1)


class _Canary(_Said):
    revision: Name
    stable: _Version
    canary: _Version


class _Service(_Said):
    namespace: Name
    service: Name
    canary: _Canary | None = None


class _State(_Said):
    instance: Annotated[str, Field(min_length=1, max_length=128)]
    tenants: Sequence[_Tenant] = ()
    pools: Sequence[_Pool] = ()
    workers: Sequence[_Worker] | None = None
    services: Sequence[_Service] = ()


def read_state(body: bytes) -> Reading:
    """Return what the JSON of a gateway says; raises Unreadable. What we do not know is passed over."""
    said = parse(_State, body)
    pools: dict[Key, dict[str, PoolReading]] = {}
    for pool in said.pools:
        pools.setdefault(Key(pool.namespace, pool.service), {})[pool.pool] = _pool(pool)
    return Reading(
        said.instance,
        {
            Key(one.namespace, one.name): Counters(one.requests, one.prompt_tokens, one.completion_tokens)
            for one in said.tenants
        },
        pools,
        None if said.workers is None else {one.uid: one.in_flight for one in said.workers},
        {
            Key(one.namespace, one.service): _versions(one.canary)
            for one in said.services
            if one.canary is not None
        },
    )


def _versions(said: _Canary) -> VersionsReading:
    return VersionsReading(said.revision, Compared(_counts(said.stable), _counts(said.canary)))


def _counts(said: _Version) -> Counts:
    return Counts(said.requests, said.errors, dict(said.ttft))


def _pool(said: _Pool) -> PoolReading:
    return PoolReading(
        credits_used=round(said.credits_used),
        credits_limit=round(said.credits_limit),
        classes={one.name: ClassReading(one.queued, one.running, one.share_percent) for one in said.classes},
        queued_prompt_tokens=said.queued_prompt_tokens,
        queued_output_tokens=said.queued_output_tokens,
        counters=_counters(said),
    )


def _counters(said: _Pool) -> PoolCounters | None:
    if said.arrived_requests is None:
        return None
    return PoolCounters(
        arrived_requests=said.arrived_requests,
        arrived_prompt_tokens=said.arrived_prompt_tokens,
        finished_requests=said.finished_requests,
        finished_output_tokens=said.finished_output_tokens,
        first_tokens=said.first_tokens,
        late_first_tokens=said.late_first_tokens,
    )
