"""The fixtures of the end-to-end tests, for those that also take Jaeger in the cluster: `make observability`."""

from e2e.conftest import caller, demo, gateway

__all__ = ["caller", "demo", "gateway"]
