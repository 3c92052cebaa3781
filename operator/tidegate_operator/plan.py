"""From a Service and what is there to a Plan: which pools, with how many workers.

Owns every decision about numbers. Must not build manifests or read raw specs.
"""

from tidegate_operator.desired import Plan, Pool, Service
from tidegate_operator.facts import Observed

__all__ = ["Plan", "Pool", "make_plan"]


def make_plan(service: Service, observed: Observed) -> Plan:
    """Return what should exist; raises Stalled when a name we need belongs to someone else."""
    raise NotImplementedError
