"""The reasons about LoRA adapters: what each means and what to do.

Owns their words. Must not decide when one applies.
"""

from typing import Final

from tidegate_operator.reason import Reason

_CONDITION: Final = "AdaptersReady, Degraded"

OF_ADAPTERS: Final = (
    Reason("AdaptersLoaded", "AdaptersReady", "Ready", "All workers have all adapters of `spec.model.lora`."),
    Reason(
        "AdapterLoaded",
        "Event",
        "Ready",
        "A worker has an adapter, or another revision of it, that none had before.",
    ),
    Reason(
        "AdapterPending",
        "AdaptersReady",
        "Ready",
        "An adapter waits: for its LLMModel, or for a worker that answers. It is loaded as soon as both are there.",
    ),
    Reason(
        "AdapterDownloading",
        "AdaptersReady",
        "Ready",
        "An adapter is on its way into the cache; `kubectl get llmmodel` shows how far it is.",
    ),
    Reason(
        "AdapterLoading",
        "AdaptersReady",
        "Ready",
        "An adapter is being loaded into workers, or workers of a version that lacks its volume are being replaced.",
    ),
    Reason(
        "AdapterNotFound",
        _CONDITION,
        "Degraded",
        "There is no adapter where its `uri` says: no such repository or revision, no such PersistentVolumeClaim, or "
        "no adapter_config.json in the directory. The model and the other adapters answer.",
        "Correct the `uri` or `revision` of the adapter that the message names, or copy its files there. It is tried "
        "again by itself, at most five minutes later.",
    ),
    Reason(
        "AdapterIncompatible",
        _CONDITION,
        "Degraded",
        "The engine read the adapter and cannot use it with this model: a higher rank than `spec.model.lora.maxRank`, "
        "modules that the model does not have or the engine does not adapt, or sizes of another model. The message has "
        "the engine's words. The model and the other adapters answer.",
        "Raise `spec.model.lora.maxRank` (which replaces the workers), or use an adapter that was made for this model.",
    ),
    Reason(
        "AdapterNameTaken",
        _CONDITION,
        "Degraded",
        "An adapter has the name of a model of the namespace, or of an adapter of an older LLMService. It is on no "
        "worker, since a request could mean either.",
        "Give the adapter another `name`.",
    ),
    Reason(
        "AdapterFailed",
        _CONDITION,
        "Degraded",
        "An adapter cannot be brought in or loaded: its files are corrupt, its LLMModel failed, or its source is not "
        "allowed. The message has the words of whoever refused it. The model and the other adapters answer.",
        "Do what the message says; copy the adapter again if it is corrupt. It is tried again by itself, at most five "
        "minutes later.",
    ),
    Reason(
        "EngineWithoutLora",
        _CONDITION,
        "Degraded",
        "The workers' engine cannot load adapters while it runs: its image has another vLLM, or one without LoRA for "
        "this model.",
        "Use the default image, or build `spec.engine.image` from a worker target of Tidegate's Dockerfile; else "
        "remove `spec.model.lora`.",
    ),
)
# Events that are no reasons of a condition.
EVENTS: Final = frozenset({"AdapterLoaded"})
