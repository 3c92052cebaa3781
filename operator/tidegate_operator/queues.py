"""The lines in which objects wait to be looked at, one for each kind of custom resource.

Owns which of them hears of a change. Must not do I/O, or know what a look does.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass

from tidegate_operator.cache import Cache, Change
from tidegate_operator.facts import Key
from tidegate_operator.interest import all_keys, all_models, all_tenants, keys_of, models_of, tenants_of
from tidegate_operator.kinds import LLM_MODEL, LLM_SERVICE, LLM_TENANT
from tidegate_operator.workqueue import WorkQueue

# Changes come in bursts (a Pod is made, scheduled, started): one look at the end of a burst is enough. What a user asks
# for does not wait for that.
BURST_SECONDS = 0.5
ASKED_SECONDS = 0.05
_ASKED = frozenset({LLM_SERVICE, LLM_TENANT, LLM_MODEL})


@dataclass(frozen=True, slots=True)
class Queues:
    """LLMServices, LLMTenants and LLMModels."""

    services: WorkQueue[Key]
    tenants: WorkQueue[Key]
    models: WorkQueue[Key]

    def changed(self, change: Change, cache: Cache) -> None:
        """Have everyone looked at whom a change concerns."""
        is_asked = change.kind in _ASKED
        seconds = ASKED_SECONDS if is_asked else BURST_SECONDS
        for queue, keys in (
            (self.services, keys_of(change, cache)),
            (self.tenants, tenants_of(change, cache)),
            (self.models, models_of(change, cache)),
        ):
            for key in keys:
                queue.add_after(key, seconds, is_asked=is_asked)

    def everything(self, cache: Cache) -> Iterator[tuple[WorkQueue[Key], Set[Key]]]:
        """Yield all that there is, with its queue."""
        yield self.services, all_keys(cache)
        yield self.tenants, all_tenants(cache)
        yield self.models, all_models(cache)

    @property
    def depth(self) -> int:
        """Return how many keys wait for a worker."""
        return self.services.depth + self.tenants.depth + self.models.depth

    def stalled_seconds(self) -> float:
        """Return for how long the first key of any line has waited, or the longest work has run."""
        return max(one.stalled_seconds() for one in (self.services, self.tenants, self.models))
