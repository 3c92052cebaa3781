"""A message of each reason for which somebody has to act, as users have found it in a condition.

Owns the examples of `docs/reference/conditions.md`: who has such a message in hand finds the page by its words. Must
not be read by what decides.
"""

from collections.abc import Mapping

EXAMPLES: Mapping[str, str] = {
    "UnknownFlag": "spec.engine.args[0]: vLLM 0.32.0 has no flag --max-model-length: did you mean "
    "--max-model-len?",
    "ForbiddenFlag": "spec.engine.args[1]: --enable-lora may not be set: use spec.model.lora, whose adapters are "
    "loaded while workers run",
    "ForbiddenVariable": "spec.engine.env[0]: HF_TOKEN may not be set: a credential here would be readable by "
    "all who may read the LLMService",
    "InvalidValue": "spec.replicas: Input should be greater than or equal to 0",
    "UnknownResourceProfile": "spec.resourceProfile: there is no profile 'tpu': use one of cpu, nvidia, or have "
    "an administrator add it to resourceProfiles in the chart's values",
    "FilePathNotAllowed": "spec.model.uri: /etc is not below a directory that the operator allows (none): use "
    "pvc://CLAIM/PATH, or have an administrator add it to allowedFilePaths in the chart's values",
    "NameConflict": "Deployment 'chat-shared' is there already and was not made by Tidegate, which never takes "
    "over what is not its own: rename or delete it, or give this LLMService another name",
    "ModelNameTaken": "the model name 'chat' belongs to the older LLMService 'first' of this namespace: set "
    "another spec.model.name, or delete that one",
    "InvalidPodTemplate": "spec.podTemplate.spec.volumes[0] needs a name: entries merge by it",
    "VolumeClaimNotFound": "PersistentVolumeClaim 'weights', named by spec.model.uri, is not in namespace "
    "'team-a': create it, or correct the name; workers then start by themselves",
    "VolumeClaimPending": "PersistentVolumeClaim 'weights' has no volume yet: if it stays so, `kubectl describe "
    "pvc weights -n team-a` names what its StorageClass waits for",
    "VolumeClaimLost": "the volume of PersistentVolumeClaim 'weights' is gone: delete the claim, create it again "
    "and fill it with the model",
    "InvalidModelConfig": "https://huggingface.co/acme/tiny is a LoRA adapter, not a model. Name its base model, "
    "and the adapter in model.lora.",
    "ModelNotFound": "https://huggingface.co/acme/tiny holds no weights: no *.safetensors file, only README.md.",
    "CorruptWeights": "https://huggingface.co/acme/tiny lacks model-00002-of-00003.safetensors, which its "
    "model.safetensors.index.json names. Use a revision that is whole.",
    "UnsafeFormat": "https://huggingface.co/acme/tiny holds weights only as pickles (pytorch_model.bin), which "
    "can run code when loaded. Use a revision or a copy of the model with safetensors.",
    "InvalidParallelism": "the engine is asked for 4 processes (--tensor-parallel-size 4), each on a GPU of its "
    "own, and a worker has 2: set spec.resourceProfile to nvidia-l4:4, or lower the parallel sizes in "
    "spec.engine.args",
    "RevisionNotFound": "https://huggingface.co/acme/tiny has no revision 'v9'. Name a branch, tag or commit "
    "that it has.",
    "AccessDenied": "https://huggingface.co refuses hf://acme/tiny. Visit https://huggingface.co/acme/tiny to "
    "see who may have it.",
    "TokenMissing": "https://huggingface.co/acme/tiny is gated or private, and there is no token. Visit it and "
    "accept its conditions, then name a Secret with a token in tokenSecretRef.",
    "TokenInvalid": "https://huggingface.co does not accept the token. Make a new one at "
    "https://huggingface.co/settings/tokens and put it into the Secret.",
    "SecretNotFound": 'the loader cannot have its token: secret "hub" not found. Create the Secret with that '
    "key, or correct tokenSecretRef; the download then begins by itself",
    "HubOffline": "hf://acme/tiny in the cache is damaged, and hubs are not to be asked (models.offline). Bring "
    "the model in once with models.offline off.",
    "CacheUnavailable": "models of hf:// and ms:// need a cache, and the chart's models.strategy is None: have "
    "an administrator set it to PVC or HostPath, or use another source, such as pvc://",
    "LoaderFailed": "the loader of Job 'tiny-load' ended with exit code 143, without a word.",
    "AdapterNotFound": "adapter 'support': PersistentVolumeClaim 'more' is not in the namespace, or is being "
    "deleted: create it, or correct the name",
    "AdapterIncompatible": "adapter 'support' on Pod 'chat-shared-2' (1 of 2 workers have it): the engine says: "
    "LoRA rank 64 is greater than max_lora_rank 16.",
    "AdapterNameTaken": "adapter 'support' has the name of the model of LLMService 'other': give it another in "
    "spec.model.lora.adapters",
    "EngineWithoutLora": "its engine has no way to load adapters while it runs: use an image with a vLLM that can",
    "RolloutPaused": "version 7c4b gets no request any more: paused by hand; `tidegate rollouts promote` or "
    "`tidegate rollouts abort` says what becomes of it, and so does another spec",
    "RolloutRolledBack": "version 7c4b was taken back, 55d0 serves on: 4 of 20 requests failed; it is not tried "
    "again until the spec changes, or `tidegate services renew chat`",
    "RolloutBlocked": "no node can take Pod 'chat-shared-abc-1' of the new version (Insufficient memory), and "
    "the only worker is not taken down for it: set spec.rollout.maxUnavailable to 1 to do without it for a "
    "while, or add a node",
    "WorkersOutdated": "the workers are as an earlier version of the operator, or of its settings, has made "
    "them; `tidegate services renew chat -n team-a` makes them anew.",
    "PodsForbidden": 'the API server refuses the workers\' Pods: violates PodSecurity "restricted:latest": '
    "hostPath volumes",
    "Unschedulable": "no node can take Pod 'chat-shared-abc-1': 0/3 nodes are available: 3 Insufficient "
    "nvidia.com/gpu.",
    "ImagePullFailed": "image 'tidegate/worker-cpu:0.1.0' of container 'main' (Pod 'chat-shared-abc-1') cannot "
    "be pulled: correct spec.engine.image or the chart's images.worker, or set its images.pullSecrets: not found",
    "ContainerNotCreated": "container 'main' of Pod 'chat-shared-abc-1' cannot be made "
    '(CreateContainerConfigError): secret "store" not found',
    "PodNotStarted": "the node of Pod 'chat-shared-abc-1' has not mounted its volumes or set up its network for "
    "more than two minutes: `kubectl describe pod chat-shared-abc-1 -n team-a` shows the node's words",
    "WorkerEvicted": "the node ended or refused Pod 'chat-shared-abc-0' (Evicted): The node was low on resource: "
    "memory.; another takes its place",
    "OutOfMemory": "container 'main' of Pod 'chat-shared-abc-1' was killed for using more memory than its limit "
    "(6Gi): raise spec.resources.limits.memory, or lower spec.engine.maxModelLen or spec.engine.maxNumSeqs",
    "GroupIncomplete": "1 of the 2 Pods that are worker 'chat-shared-abc-1' together run; they wait for Pod "
    "'chat-shared-abc-1-1'",
    "EngineCrashed": "container 'main' of Pod 'chat-shared-abc-1' ended with exit code 1 and is being started "
    "again, without a word",
    "EngineNotAnswering": "container 'main' of Pod 'small-shared-abc-1' has run for more than two minutes and "
    "does not answer GET /health on port 8000 with 200. If it still loads its model, nothing is to be done.",
    "RolloutStalled": "for an hour no worker of the current spec became ready: `kubectl describe pod` and the "
    "workers' logs show what they wait for",
    "ScalingConflict": "HorizontalPodAutoscaler 'mine' scales pool 'shared': two would undo each other's work, "
    "so Tidegate leaves that to it. Delete it, or set spec.scaling.mode to External",
    "GatewayNotReady": "no Pod behind Service 'tidegate-gateway' in namespace 'tidegate-system' is ready: "
    "`kubectl get pods -n tidegate-system` shows the gateway's",
    "NoKeys": "spec.keys is empty, so nobody can call as this tenant: `tidegate keys create web -n team-a` makes "
    "a key",
    "KeyExpired": "all keys have expired, the last one on 2026-11-21 at 11:59:59 UTC: `tidegate keys create web "
    "-n team-a --name NAME` makes a new one",
    "UnknownService": "spec.services names 'gone', and namespace 'team-a' has no such LLMService: correct the "
    "name, or create it; only LLMServices of the tenant's own namespace can be called",
}
