"""The fixtures of the end-to-end tests, for those that also take KEDA in the cluster: `make keda` brings both."""

from e2e.conftest import demo, gateway, namespace, patient, scaled

__all__ = ["demo", "gateway", "namespace", "patient", "scaled"]
