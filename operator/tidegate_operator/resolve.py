"""From an LLMService and the operator's settings to a Service whose every value is concrete.

Owns what is cross-field or depends on settings or neighbours. Must not read children, pods or the clock.
"""

from tidegate_api.settings import Settings
from tidegate_operator.desired import Service
from tidegate_operator.facts import Observed

__all__ = ["Service", "resolve"]


def resolve(observed: Observed, settings: Settings) -> Service:
    """Return the service to bring about; raises Stalled for what only its user can mend."""
    raise NotImplementedError
