"""The reasons about a model's files: those of LLMModels, and of LLMServices for the sake of their model.

Owns this part of the vocabulary. Must not decide when a reason applies.
"""

from typing import Final

from tidegate_operator.reason import Reason

_MODEL: Final = "ModelReady; Ready of an LLMModel"

OF_MODELS: Final = (
    Reason(
        "ModelNotFound",
        _MODEL,
        "Failed",
        "The volume is mounted, but there is no model in the directory that `spec.model.uri` names; or the hub has "
        "no model of this name, or none that this token may know of.",
        "Correct `spec.model.uri`, or put the model (config.json, tokenizer, *.safetensors) there. The worker "
        "tries again by itself. For a private model set `tokenSecretRef`.",
    ),
    Reason(
        "CorruptWeights",
        _MODEL,
        "Failed",
        "A safetensors file is cut short, or its header does not fit its size; or what was downloaded is, also the "
        "second time, not what the hub says it is.",
        "Copy the file again; the message names it. A download that stays wrong is a matter for the hub, or for a "
        "mirror or proxy on the way.",
    ),
    Reason(
        "UnsafeFormat",
        _MODEL,
        "Failed",
        "The model has weights that run code when they are read (pickle), or code of its own. One of a hub is "
        "refused before its weights are downloaded.",
        "Use a model in safetensors format whose architecture vLLM knows without code of the model's own.",
    ),
    Reason(
        "InvalidParallelism",
        "ModelReady",
        "Failed",
        "The model cannot be spread over as many accelerators as are asked for: its heads, layers or vocabulary "
        "cannot be divided so, or a worker has fewer GPUs. No Pod is made for it; workers of the last spec that worked "
        "go on.",
        "Use one of the numbers that the message lists, as the count of `spec.resourceProfile` or in "
        "`--tensor-parallel-size`.",
    ),
    Reason(
        "ModelDoesNotFit",
        "ModelReady",
        "Failed",
        "The model's weights, or the KV cache of a single request of the greatest length, need more memory than a "
        "worker has. No Pod is made for it; workers of the last spec that worked go on.",
        "Use a setting that the message names: a lower `spec.engine.maxModelLen`, more accelerators or a larger "
        "`spec.resourceProfile`, or weights or a KV cache of a smaller type.",
    ),
    Reason(
        "ModelFitsTightly",
        "ModelReady",
        "Loading",
        "By the estimate in `status.estimate` the model may not start, or has room for hardly a request of full "
        "length. The worker is started all the same: an estimate can be wrong.",
        "If it does not start, use a setting that the message names.",
    ),
    Reason(
        "ModelPending",
        _MODEL,
        "Loading",
        "The model is not in the cache yet, and its download has not begun: the loader's Pod is on its way, or it "
        "is the turn of another model.",
    ),
    Reason(
        "ModelDownloading",
        _MODEL,
        "Loading",
        "The model is being downloaded into the cache of the namespace; `status.model` has how far it is. What is "
        "there survives every interruption.",
    ),
    Reason(
        "ModelVerifying",
        _MODEL,
        "Loading",
        "All bytes of the model are in the cache, and each file is compared with what the hub says it is.",
    ),
    Reason(
        "ModelInspecting",
        "ModelReady",
        "Loading",
        "The engine is asked to spread the model over several accelerators, and whether its heads allow that is "
        "read from its config.json first. It takes seconds, and at most five minutes are waited for it.",
    ),
    Reason(
        "ModelCached",
        "Ready of an LLMModel",
        "Ready",
        "All files of the model are in the cache and are what the hub says they are.",
    ),
    Reason(
        "DownloadSuspended",
        _MODEL,
        "Pending",
        "`spec.suspend` of the LLMModel is true, or it was made for LLMServices that all are suspended. What is "
        "there stays, and the download goes on from there.",
    ),
    Reason(
        "RevisionNotFound",
        _MODEL,
        "Failed",
        "The hub has the model, but no branch, tag or commit of this name.",
        "Correct `revision`; the message has the page on which the hub lists them.",
    ),
    Reason(
        "AccessDenied",
        _MODEL,
        "Failed",
        "The token is known to the hub, but its holder may not read this model: most often its licence was not "
        "accepted yet.",
        "Visit the URL in the message as the token's holder and accept the licence or ask for access. The download "
        "begins by itself afterwards.",
    ),
    Reason(
        "TokenMissing",
        _MODEL,
        "Failed",
        "The model is gated or private, and no token was given.",
        "Accept the licence at the URL in the message, make a token there, put it into a Secret of the namespace, "
        "and name it in `tokenSecretRef`.",
    ),
    Reason(
        "TokenInvalid",
        _MODEL,
        "Failed",
        "The hub does not know the token: it was revoked, has expired, or is not what the Secret was meant to hold.",
        "Put a new token into the Secret. The download begins by itself within half a minute.",
    ),
    Reason(
        "SecretNotFound",
        _MODEL,
        "Failed",
        "The Secret of `tokenSecretRef` or `credentialsSecretRef` is not in the namespace, or has no such key.",
        "Create it, or correct the name. It goes on by itself within half a minute.",
    ),
    Reason(
        "HubUnreachable",
        _MODEL,
        "Failed",
        "The hub, or the mirror that the settings name, does not answer. It is asked again, less and less often.",
        "Look whether Pods of the namespace may reach the address in the message; behind a proxy set `HTTPS_PROXY` "
        "in the chart's `models.env`, and a mirror in `models.hubEndpoint`.",
    ),
    Reason(
        "HubOffline",
        _MODEL,
        "Failed",
        "The chart's `models.offline` is true, and the model is not in the cache.",
        "Put it there (`tidegate models pull` where the hub can be reached, on a claim that is carried over), or "
        "set `models.offline` to false.",
    ),
    Reason(
        "HubRateLimited",
        _MODEL,
        "Pending",
        "The hub asks to be asked later. It is, by itself.",
        "Give a token with `tokenSecretRef`: hubs allow more to those they know.",
    ),
    Reason(
        "InsufficientStorage",
        _MODEL,
        "Failed",
        "The model needs more room than the cache has, also without what nobody uses; or its volume is full.",
        "Remove a model that the message names, or make the claim larger; with a limit, raise the chart's "
        "`models.limit`. What is downloaded already stays.",
    ),
    Reason(
        "LoaderFailed",
        _MODEL,
        "Failed",
        "The loader ended without saying why; the message has its last words. It is started again, less and less "
        "often.",
        "If it stays, the log of the loader's Pod and `kubectl describe llmmodel` say more.",
    ),
    Reason(
        "CacheUnavailable",
        _MODEL,
        "Failed",
        "There is no cache to download into: its PersistentVolumeClaim has no volume, or the chart's "
        "`models.strategy` is None.",
        "`kubectl describe pvc` names what the claim waits for. Without a cache use `pvc://`, `oci://` or `s3://`.",
    ),
    Reason("DownloadStarted", "event", "Loading", "A loader has begun to download the model."),
    Reason("DownloadProgress", "event", "Loading", "Another tenth of the model is in the cache."),
    Reason("DownloadCompleted", "event", "Ready", "The model is in the cache, and was verified."),
    Reason(
        "DownloadFailed",
        "event",
        "Failed",
        "An attempt to download the model has failed; the message says why, and when the next one is.",
        "Do what the reason in the message says.",
    ),
    Reason(
        "ModelEvicted",
        "event",
        "Pending",
        "The model's files were removed from the cache to make room for another: nobody used it, and it was the "
        "least recently used. It is downloaded again when an LLMService uses it.",
    ),
)
