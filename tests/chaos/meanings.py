"""Specs that hold every field between them, and values to which Kubernetes or an engine gives a meaning. Pure data.

Owns both. `GROUNDS` are specs that the API server accepts; `MEANINGS` has named values for a field by its path
in the schema.
"""

from __future__ import annotations

from typing import Any

_COMMIT = "0123456789abcdef0123456789abcdef01234567"
_MODEL = {"uri": "pvc://models/tiny"}
_POLICY = {"type": "Pods", "value": 2, "periodSeconds": 60}

GROUNDS: dict[str, dict[str, Any]] = {
    "plain": {"model": _MODEL, "replicas": 1},
    "full": {
        "model": {**_MODEL, "name": "org/tiny"},
        "replicas": 1,
        "suspend": False,
        "resourceProfile": "cpu:1",
        "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}},
        "coldStart": {"mode": "Hold", "maxQueue": 10, "timeoutSeconds": 60},
        "routing": {"strategy": "Auto", "prefixCache": "PerTenant"},
        "rollout": {"drainSeconds": 30, "maxSurge": 1, "maxUnavailable": 0},
        "engine": {
            "type": "vLLM",
            "image": "registry.example.com/vllm:1",
            "args": ["--seed=1"],
            "env": [{"name": "TRY", "value": "1"}],
            "preset": "Balanced",
            "maxModelLen": 512,
            "maxNumSeqs": 8,
        },
        "podTemplate": {"metadata": {"labels": {"team": "a"}}, "spec": {"priority": 0}},
    },
    "guessing": {
        "model": _MODEL,
        "replicas": 1,
        "engine": {
            "speculative": {
                "method": "ngram",
                "maxRunning": 4,
                "numSpeculativeTokens": 3,
                "promptLookupMax": 4,
                "promptLookupMin": 2,
            }
        },
    },
    "drafting": {
        "model": _MODEL,
        "replicas": 1,
        "engine": {
            "speculative": {
                "method": "draft_model",
                "model": {
                    "uri": "hf://acme/draft",
                    "revision": _COMMIT,
                    "tokenSecretRef": {"name": "hub", "key": "t"},
                },
            }
        },
    },
    "on-a-gpu": {
        "model": _MODEL,
        "replicas": 1,
        "resourceProfile": "nvidia:1",
        "engine": {
            "compileCache": {"claimName": "cache"},
            "quantization": "none",
            "kvCacheDtype": "auto",
            "kvCacheOffloading": {"cpu": "1Gi"},
        },
    },
    "custom": {
        "model": _MODEL,
        "replicas": 1,
        "engine": {
            "type": "Custom",
            "image": "registry.example.com/engine:1",
            "command": ["/engine"],
            "port": 8000,
            "healthPath": "/health",
            "readyPath": "/ready",
        },
    },
    "adapted": {
        "model": {
            **_MODEL,
            "lora": {
                "maxAdapters": 4,
                "maxRank": 16,
                "adapters": [
                    {
                        "name": "legal",
                        "uri": "hf://acme/legal",
                        "revision": _COMMIT,
                        "tokenSecretRef": {"name": "hub", "key": "token"},
                    },
                    {"name": "support", "uri": "pvc://models/support"},
                ],
            },
        },
        "replicas": 1,
    },
    "hub": {
        "model": {
            "uri": "hf://acme/tiny",
            "revision": _COMMIT,
            "tokenSecretRef": {"name": "hub", "key": "token"},
        },
        "replicas": 1,
    },
    "bucket": {
        "model": {"uri": "s3://bucket/tiny", "credentialsSecretRef": {"name": "bucket"}},
        "replicas": 1,
    },
    "spread": {
        "model": _MODEL,
        "replicas": 1,
        "resourceProfile": "nvidia:2",
        "parallelism": {"tensor": 2, "pipeline": 1, "data": 1, "executor": "Processes"},
    },
    "classes": {
        "model": _MODEL,
        "replicas": 1,
        "qos": {
            "classes": [
                {
                    "name": "high",
                    "pool": "Dedicated",
                    "replicas": 1,
                    "maxQueue": 10,
                    "minSharePercent": 20,
                    "priorityClassName": "tidegate-high",
                    "queueTimeoutSeconds": 30,
                    "slo": {"ttftMilliseconds": 500},
                },
                {"name": "low"},
            ]
        },
    },
    "scaled": {
        "model": _MODEL,
        "qos": {"classes": [{"name": "high", "pool": "Dedicated", "minReplicas": 1, "maxReplicas": 2}]},
        "scaling": {
            "mode": "Auto",
            "minReplicas": 1,
            "maxReplicas": 3,
            "coldStartSeconds": 60,
            "idleSeconds": 600,
            "costPerReplicaHour": "1.50",
            "maxHourlyCost": "12",
            "fallback": {"replicas": 2, "failureThreshold": 3},
            "metrics": [{"type": "QueueDepth", "target": 4}, {"type": "Concurrency", "target": 8}],
            "behavior": {
                "scaleUp": {"policies": [_POLICY], "selectPolicy": "Max", "stabilizationWindowSeconds": 0},
                "scaleDown": {"policies": [_POLICY], "selectPolicy": "Min", "stabilizationWindowSeconds": 60},
            },
            "schedules": [
                {
                    "name": "office",
                    "startTime": "08:00",
                    "endTime": "18:00",
                    "minReplicas": 1,
                    "timezone": "Europe/Berlin",
                    "daysOfWeek": ["Mon", "Tue"],
                }
            ],
        },
    },
    "canary": {
        "model": _MODEL,
        "replicas": 1,
        "rollout": {
            "canary": {
                "steps": [{"weight": 20, "pauseSeconds": 1}, {"weight": 60, "pauseSeconds": 1}],
                "analysis": {
                    "autoRollback": True,
                    "goldenPromptsRef": {"name": "golden"},
                    "maxErrorPercent": 2.5,
                    "maxTTFTRegressionPercent": 30,
                    "minRequests": 0,
                },
            }
        },
    },
}

_NAMES = {
    "another": "another",
    "dotted": "a.b",
    "dots-only": "a..b",
    "ends-in-dash": "a-",
    "ends-in-dot": "a.",
    "path": "a/b",
    "of-253": "a" * 253,
    "of-64": "a" * 64,
    "digits": "123",
}
_SOURCES = {
    "another-claim": "pvc://other/tiny",
    "whole-claim": "pvc://models",
    "deep": "pvc://models/" + "d/" * 40,
    "spaces": "pvc://models/a b",
    "upwards": "pvc://models/../x",
    "absolute": "file:///models/tiny",
    "root": "file:///",
    "hub": "hf://acme/tiny",
    "scope": "ms://acme/tiny",
    "hub-without-name": "hf://acme",
    "no-scheme": "tiny",
    "web": "https://example.com/tiny",
    "shouted": "PVC://models/tiny",
    "percent": "pvc://models/%2e%2e/x",
    "nul": "pvc://models/a\x00b",
    "comma": "pvc://models/a,b",
    "dollar": "pvc://models/$(HOME)",
    "braces": "pvc://models/{{x}}",
    "double-slash": "pvc://models//tiny",
    "dot": "pvc://models/./tiny",
    "dotted-claim": "pvc://a..b/tiny",
    "claim-ends-in-dash": "pvc://a-/tiny",
    "claim-of-300": "pvc://" + "a" * 300 + "/tiny",
}
_REMOTE = {
    "image": "oci://registry.example.com/models/tiny:1#model",
    "image-by-digest": "oci://registry.example.com/tiny@sha256:" + "0" * 64,
    "image-shouted": "oci://Registry/Tiny",
    "bucket": "s3://bucket/tiny",
    "bucket-of-google": "gs://bucket/tiny",
    "container": "az://bucket/tiny",
    "bucket-only": "s3://bucket",
    "bucket-with-key": "s3://key:secret@bucket/tiny",
}
_TIMES = {"midnight": "00:00", "24h": "24:00", "short": "8:00", "seconds": "08:00:00", "same": "18:00"}
_REVISIONS = {
    "branch": "main",
    "path": "refs/pr/1",
    "upwards": "a/../b",
    "short-commit": "0123456",
    "shouted-commit": "0123456789ABCDEF0123456789ABCDEF01234567",
}
_MANY = {
    "gpu": {"cpu": "1", "nvidia.com/gpu": "1"},
    "half-a-gpu": {"nvidia.com/gpu": "500m"},
    "huge-pages": {"hugepages-2Mi": "4Mi"},
    "odd-name": {"CPU cores": "1"},
    "slashes": {"a/b/c": "1"},
    "foreign": {"example.com/thing": "3"},
    "unknown-native": {"disk": "1"},
    "no-memory": {"memory": "0"},
    "milli-memory": {"memory": "100m"},
    "pods": {"pods": "1"},
}


def _pod(**spec: Any) -> dict[str, Any]:
    return {"spec": spec}


def _worker(**container: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "main", **container}]}}


_SIDECAR = {"name": "side", "image": "busybox"}
_TERM = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}

MEANINGS: dict[str, dict[str, Any]] = {
    "model.uri": {**_SOURCES, **_REMOTE},
    "engine.speculative.model.uri": {**_SOURCES, "image": _REMOTE["image"], "bucket": _REMOTE["bucket"]},
    "model.lora.adapters.[].uri": {**_SOURCES, "image": _REMOTE["image"], "bucket": _REMOTE["bucket"]},
    "model.revision": _REVISIONS,
    "engine.speculative.model.revision": _REVISIONS,
    "model.lora.adapters.[].revision": _REVISIONS,
    "model.name": {
        "slashes": "a/b/c",
        "double-slash": "a//b",
        "of-the-service": "chat",
        "colon": "a:b",
        "dots": "a..b",
    },
    "model.lora.adapters.[].name": {
        "as-the-model": "chat",
        "as-the-other": "support",
        "slash": "a/b",
        "dots": "a..b",
    },
    "model.tokenSecretRef.name": _NAMES,
    "model.credentialsSecretRef.name": _NAMES,
    "model.lora.adapters.[].tokenSecretRef.name": _NAMES,
    "engine.speculative.model.tokenSecretRef.name": _NAMES,
    "model.tokenSecretRef.key": {"dots": "..", "dot": ".", "file": ".token"},
    "rollout.canary.analysis.goldenPromptsRef.name": _NAMES,
    "engine.compileCache.claimName": _NAMES,
    "qos.classes.[].priorityClassName": {**_NAMES, "of-the-system": "system-cluster-critical"},
    "resourceProfile": {
        "twice": "cpu:2",
        "most": "cpu:999",
        "none": "cpu:0",
        "unknown": "tpu:1",
        "gpus": "nvidia:1",
        "no-count": "cpu",
        "other-gpu": "nvidia-l4:1",
    },
    "resources.requests": _MANY,
    "resources.limits": {**_MANY, "less-than-asked": {"cpu": "500m"}},
    "engine.image": {
        "shouted": "Registry/Image:1",
        "spaces": "a b",
        "digest": "x@sha256:" + "0" * 64,
        "bad-digest": "x@sha256:0",
        "web": "https://example.com/x",
        "leading-space": " x",
    },
    "engine.args": {
        "ours": ["--port=1"],
        "trusting": ["--trust-remote-code"],
        "unknown": ["--no-such-flag"],
        "positional": ["tiny"],
        "twice": ["--seed=1", "--seed=2"],
        "parallel": ["--tensor-parallel-size=2"],
        "many-gpus": ["--tensor-parallel-size", "8"],
        "not-a-number": ["--max-model-len=many"],
        "negative": ["--max-model-len", "-1"],
        "json": ['--compilation-config={"level": 3}'],
        "bad-json": ["--compilation-config={"],
        "shell": ["; rm -rf /"],
        "expanded": ["--seed=$(HOME)"],
        "value-missing": ["--seed"],
        "dashes": ["--"],
        "share-over-one": ["--gpu-memory-utilization=1.5"],
        "share-not-a-number": ["--gpu-memory-utilization=nan"],
        "block-of-zero": ["--block-size=0"],
        "infinite": ["--gpu-memory-utilization=inf"],
        "length-as-words": ["--max-model-len=8k"],
        "cache-of-nothing": ["--kv-cache-memory-bytes=0"],
    },
    "engine.env": {
        "ours": [{"name": "VLLM_PORT", "value": "1"}],
        "secret": [{"name": "HF_TOKEN", "value": "x"}],
        "path": [{"name": "PATH", "value": ""}],
        "preload": [{"name": "LD_PRELOAD", "value": "/x.so"}],
        "expanded": [{"name": "A", "value": "$(B)"}],
        "kv-space": [{"name": "VLLM_CPU_KVCACHE_SPACE", "value": "many"}],
        "kv-space-of-much": [{"name": "VLLM_CPU_KVCACHE_SPACE", "value": "9" * 40}],
        "kv-space-below-nothing": [{"name": "VLLM_CPU_KVCACHE_SPACE", "value": "-1"}],
        "kv-space-infinite": [{"name": "VLLM_CPU_KVCACHE_SPACE", "value": "inf"}],
        "kv-space-not-a-number": [{"name": "VLLM_CPU_KVCACHE_SPACE", "value": "nan"}],
    },
    "scaling.schedules.[].startTime": _TIMES,
    "scaling.schedules.[].endTime": {**_TIMES, "same": "08:00", "over-midnight": "06:00"},
    "scaling.schedules.[].timezone": {
        "unknown": "Mars/Base",
        "upwards": "../etc/passwd",
        "folder": "Europe",
        "offset": "UTC+2",
        "file": "zone1970.tab",
        "lower": "europe/berlin",
        "table": "posixrules",
    },
    "scaling.costPerReplicaHour": {
        "zero": "0",
        "exponent": "1e3",
        "comma": "1,5",
        "signed": "-1",
        "not": "NaN",
    },
    "scaling.maxHourlyCost": {"zero": "0", "below-one": "0.5", "exponent": "1e3", "not": "NaN"},
    "scaling.mode": {},
    "scaling": {
        "least": {"maxReplicas": 1},
        "from-zero": {"minReplicas": 0, "maxReplicas": 1},
        "all-from-zero": {"minReplicas": 0, "maxReplicas": 1000},
        "advised": {"mode": "Advise", "maxReplicas": 2},
        "external": {"mode": "External", "maxReplicas": 2},
        "off": {"mode": "Off", "maxReplicas": 2},
    },
    "parallelism": {
        "over-nodes": {"tensor": 2, "pipeline": 4},
        "by-ray": {"tensor": 2, "pipeline": 2, "executor": "Ray"},
        "in-copies": {"data": 4},
        "odd": {"tensor": 3},
        "huge": {"tensor": 64, "pipeline": 64, "data": 64},
    },
    "qos.classes": {
        "all-dedicated": [
            {"name": name, "pool": "Dedicated", "replicas": 1} for name in ("high", "medium", "low")
        ],
        "all-shared": [{"name": name} for name in ("high", "medium", "low")],
        "shares-over": [{"name": "high", "minSharePercent": 60}, {"name": "low", "minSharePercent": 60}],
    },
    "podTemplate": {
        "unknown-top": {"kind": "Pod"},
        "unknown-field": _pod(unheardOf=1),
        "typo-deep": _worker(resource={}),
        "metadata-null": {"metadata": None},
        "spec-null": {"spec": None},
        "spec-word": {"spec": "x"},
        "labels-null": {"metadata": {"labels": None}},
        "labels-list": {"metadata": {"labels": ["a"]}},
        "labels-word": {"metadata": {"labels": "a"}},
        "annotations-list": {"metadata": {"annotations": ["a"]}},
        "annotations-null": {"metadata": {"annotations": None}},
        "security-word": _pod(securityContext="x"),
        "affinity-word": _pod(affinity="x"),
        "selector-list": _pod(nodeSelector=["x"]),
        "spread-word": _pod(topologySpreadConstraints="x"),
        "gates-word": _pod(schedulingGates="x"),
        "init-word": _pod(initContainers="x"),
        "volumes-word": _pod(volumes="x"),
        "volume-null": _pod(volumes=[None]),
        "pull-secrets-words": _pod(imagePullSecrets=["x"]),
        "worker-env-word": _worker(env="x"),
        "worker-env-of-words": _worker(env=["x"]),
        "worker-mounts-word": _worker(volumeMounts="x"),
        "worker-ports-of-words": _worker(ports=["x"]),
        "worker-port-null": _worker(ports=[None]),
        "worker-resources-word": _worker(resources="x"),
        "worker-limits-list": _worker(resources={"limits": ["x"]}),
        "worker-security-word": _worker(securityContext="x"),
        "worker-probe-word": _worker(readinessProbe="x"),
        "worker-image-null": _worker(image=None),
        "worker-image-list": _worker(image=["x"]),
        "label-number": {"metadata": {"labels": {"a": 1}}},
        "label-bad-value": {"metadata": {"labels": {"a": "b c"}}},
        "label-of-ours": {"metadata": {"labels": {"app.kubernetes.io/managed-by": "me"}}},
        "label-bad-key": {"metadata": {"labels": {"a b": "c"}}},
        "annotation-number": {"metadata": {"annotations": {"a": 1}}},
        "annotation-of-300-kib": {"metadata": {"annotations": {"a": "x" * 300_000}}},
        "name-set": {"metadata": {"name": "x"}},
        "containers-null": _pod(containers=None),
        "containers-empty": _pod(containers=[]),
        "containers-word": _pod(containers="x"),
        "containers-of-words": _pod(containers=["x"]),
        "container-nameless": _pod(containers=[{"image": "x"}]),
        "container-null": _pod(containers=[None]),
        "container-named-by-number": _pod(containers=[{"name": 1}]),
        "container-named-by-list": _pod(containers=[{"name": ["x"]}]),
        "sidecar": _pod(containers=[_SIDECAR]),
        "sidecar-twice": _pod(containers=[_SIDECAR, _SIDECAR]),
        "sidecar-without-image": _pod(containers=[{"name": "side"}]),
        "sidecar-on-our-port": _pod(containers=[{**_SIDECAR, "ports": [{"containerPort": 8000}]}]),
        "init": _pod(initContainers=[_SIDECAR]),
        "worker-command": _worker(command=["sh"]),
        "worker-image": _worker(image="other:1"),
        "worker-env": _worker(env=[{"name": "A", "value": "b"}]),
        "worker-env-number": _worker(env=[{"name": "A", "value": 1}]),
        "worker-env-null": _worker(env=None),
        "worker-env-nameless": _worker(env=[{"value": "b"}]),
        "worker-env-from-secret": _worker(
            env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
        ),
        "worker-probe-null": _worker(readinessProbe=None),
        "worker-probe": _worker(readinessProbe={"periodSeconds": 0}),
        "worker-probe-two-ways": _worker(readinessProbe={"exec": {"command": ["true"]}}),
        "worker-ports-null": _worker(ports=None),
        "worker-port-again": _worker(ports=[{"containerPort": 8000, "name": "again"}]),
        "worker-port-word": _worker(ports=[{"containerPort": "http"}]),
        "worker-resources": _worker(resources={"limits": {"cpu": "many"}}),
        "worker-resources-null": _worker(resources=None),
        "worker-root": _worker(securityContext={"runAsUser": 0, "runAsNonRoot": False}),
        "worker-security-null": _worker(securityContext=None),
        "worker-mounts-null": _worker(volumeMounts=None),
        "worker-mount-of-nothing": _worker(volumeMounts=[{"name": "no", "mountPath": "/x"}]),
        "worker-mount-over-ours": _worker(volumeMounts=[{"name": "model", "mountPath": "/x"}]),
        "worker-stop": _worker(lifecycle={"preStop": {"exec": {"command": ["true"]}}}),
        "worker-stop-two-ways": _worker(lifecycle={"preStop": {"httpGet": {"port": 1}}}),
        "host-network": _pod(hostNetwork=True),
        "host-path": _pod(volumes=[{"name": "host", "hostPath": {"path": "/"}}]),
        "volume-of-ours": _pod(volumes=[{"name": "model", "emptyDir": {}}]),
        "volumes-null": _pod(volumes=None),
        "volume-twice": _pod(volumes=[{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}]),
        "volume-of-two-kinds": _pod(volumes=[{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]),
        "grace-below-zero": _pod(terminationGracePeriodSeconds=-1),
        "grace-zero": _pod(terminationGracePeriodSeconds=0),
        "grace-word": _pod(terminationGracePeriodSeconds="long"),
        "grace-null": _pod(terminationGracePeriodSeconds=None),
        "restart-never": _pod(restartPolicy="Never"),
        "restart-odd": _pod(restartPolicy="Sometimes"),
        "dns-odd": _pod(dnsPolicy="Nowhere"),
        "account": _pod(serviceAccountName="other"),
        "account-null": _pod(serviceAccountName=None),
        "account-odd": _pod(serviceAccountName="A b"),
        "token": _pod(automountServiceAccountToken=True),
        "scheduler": _pod(schedulerName="other"),
        "runtime": _pod(runtimeClassName="none-such"),
        "priority-class": _pod(priorityClassName="none-such"),
        "priority": _pod(priority=7),
        "node": _pod(nodeName="node-1"),
        "selector": _pod(nodeSelector={"zone": "a"}),
        "selector-number": _pod(nodeSelector={"zone": 1}),
        "toleration": _pod(tolerations=[{"operator": "Exists"}]),
        "toleration-odd": _pod(tolerations=[{"operator": "Perhaps"}]),
        "tolerations-null": _pod(tolerations=None),
        "tolerations-word": _pod(tolerations="x"),
        "affinity": _pod(
            affinity={
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_TERM]}
                }
            }
        ),
        "affinity-empty": _pod(
            affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}
        ),
        "spread": _pod(topologySpreadConstraints=[{"topologyKey": "zone", "maxSkew": 1}]),
        "gate": _pod(schedulingGates=[{"name": "example.com/wait"}]),
        "patch-directive": _pod(containers=[{"$patch": "delete", "name": "main"}]),
        "hostname": _pod(hostname="A b"),
        "active-deadline": _pod(activeDeadlineSeconds=5),
        "os-windows": _pod(os={"name": "windows"}),
        "many-containers": _pod(containers=[{"name": f"side{number}", "image": "x"} for number in range(40)]),
    },
}
