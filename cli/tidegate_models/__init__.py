"""Models, for whoever has a user in front of them: searched on hubs, brought into a namespace, listed, removed; and
services loaded and unloaded, all with that user's own rights.

    cluster = Cluster(kubernetes.client.CustomObjectsApi(), "team-a")
    pulled = pull(cluster, "hf://HuggingFaceTB/SmolLM2-135M-Instruct")
    for progress in follow(cluster, pulled.name): ...

Results are frozen values; every error is a ModelsError, whose text can be shown as it is. Calls block: an event loop
runs them in threads. Must not print, prompt, or keep state.
"""

from tidegate_models.actions import load, models, pause, pull, remove, resume, unload
from tidegate_models.cluster import Cluster
from tidegate_models.errors import ClusterDown, Denied, HubDown, InUse, Invalid, Missing, ModelsError
from tidegate_models.following import follow
from tidegate_models.search import search
from tidegate_models.values import Hub, HubModel, Model, Place, Progress, Pulled, Toggled, as_json

__all__ = [
    "Cluster",
    "ClusterDown",
    "Denied",
    "Hub",
    "HubDown",
    "HubModel",
    "InUse",
    "Invalid",
    "Missing",
    "Model",
    "ModelsError",
    "Place",
    "Progress",
    "Pulled",
    "Toggled",
    "as_json",
    "follow",
    "load",
    "models",
    "pause",
    "pull",
    "remove",
    "resume",
    "search",
    "unload",
]
