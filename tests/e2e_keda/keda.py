"""What KEDA is asked for, and what the HPA controller makes of it."""

from e2e.cluster import Json, Namespace


def scaled_object(
    name: str, deployment: str, server: str, query: str, *, per_replica: int, most: int, down_seconds: int
) -> Json:
    """Return a ScaledObject on one number of a Prometheus, so much of it for each replica."""
    trigger = {
        "serverAddress": server,
        "query": query,
        "threshold": str(per_replica),
        # Without this a query that finds nothing would read as zero.
        "ignoreNullValues": "false",
    }
    behavior = {"scaleDown": {"stabilizationWindowSeconds": down_seconds}}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name},
        "spec": {
            "scaleTargetRef": {"name": deployment},
            "minReplicaCount": 1,
            "maxReplicaCount": most,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behavior}},
            "triggers": [{"type": "prometheus", "metricType": "AverageValue", "metadata": trigger}],
        },
    }


def autoscaler(namespace: Namespace, name: str) -> Json:
    """Return the HPA that KEDA made for a ScaledObject."""
    return namespace.get("horizontalpodautoscaler", f"keda-hpa-{name}")


def has_metric(namespace: Namespace, name: str) -> bool:
    """Tell whether the HPA controller has read the number."""
    found = autoscaler(namespace, name).get("status", {}).get("currentMetrics") or []
    return any("averageValue" in one.get("external", {}).get("current", {}) for one in found)
