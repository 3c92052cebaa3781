"""Bad input, refused by the API server itself: the message names the field, and the fix where it is not plain."""

import pytest

from integration.api import Object
from integration.contract.rig import Kubectl, Refused, service, tenant

KEY = "sk-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
DIGEST = "0" * 64


def engine(**fields: object) -> Object:
    return service(engine=fields)


def model(uri: str, **fields: object) -> Object:
    return service(model={"uri": uri, **fields})


def keys(*entries: Object) -> Object:
    return tenant(keys=list(entries))


def classes(*entries: Object, **spec: object) -> Object:
    return service(qos={"classes": list(entries)}, **spec)


def scaled(**fields: object) -> Object:
    return service(scaling={"maxReplicas": 4, **fields})


def scaled_classes(*entries: Object, **bounds: object) -> Object:
    return service(qos={"classes": list(entries)}, scaling={"maxReplicas": 4, **bounds})


def floor(**fields: object) -> Object:
    hours = {"name": "office", "startTime": "08:00", "endTime": "18:00", "minReplicas": 2}
    return scaled(schedules=[{**hours, **fields}])


def without_model() -> Object:
    made = service()
    del made["spec"]["model"]
    return made


def without_spec() -> Object:
    made = service()
    del made["spec"]
    return made


CASES = [
    ("an unknown field of the spec", service(replica=2), ["spec.replica", "unknown field"]),
    (
        "an unknown field deep inside",
        engine(maxModelLength=4096),
        ["spec.engine.maxModelLength", "unknown field"],
    ),
    ("a token where there is no field for one", model("pvc://a", token="x"), ["spec.model.token"]),
    ("a token in the uri", model("pvc://user:hf_abc@models/x"), ["model.uri must be pvc://CLAIM/PATH"]),
    (
        "a token among the variables",
        engine(env=[{"name": "HF_TOKEN", "value": "x"}]),
        ["engine.env[0]", "workers need none"],
    ),
    (
        "a model cut into nothing",
        service(parallelism={"tensor": 0}),
        ["spec.parallelism.tensor", "greater than or equal to 1"],
    ),
    (
        "Ray with nothing to execute",
        service(parallelism={"data": 2, "executor": "Ray"}),
        ["executor Ray needs tensor x pipeline above 1"],
    ),
    (
        "another engine that would have to know how it is spread",
        service(engine={"type": "Custom", "image": "engine"}, parallelism={"tensor": 2}),
        ["parallelism is told to vLLM", "engine.args"],
    ),
    (
        "a rollout that could replace no worker",
        service(rollout={"maxSurge": 0}),
        ["rollout.maxSurge and rollout.maxUnavailable must not both be 0"],
    ),
    (
        "a canary without a step",
        service(rollout={"canary": {"steps": []}}),
        ["spec.rollout.canary.steps", "at least 1"],
    ),
    (
        "a step that gives more than all",
        service(rollout={"canary": {"steps": [{"weight": 101}]}}),
        ["spec.rollout.canary.steps[0].weight", "less than or equal to 100"],
    ),
    (
        "a name that no ConfigMap has",
        service(
            rollout={"canary": {"steps": [{"weight": 1}], "analysis": {"goldenPromptsRef": {"name": "A b"}}}}
        ),
        ["goldenPromptsRef.name must be the name of a ConfigMap"],
    ),
    (
        "a way to guess tokens that needs a model",
        engine(speculative={"method": "eagle3"}),
        ["spec.engine.speculative", "it is needed for draft_model, eagle and eagle3"],
    ),
    (
        "words looked up by another way to guess",
        engine(speculative={"method": "mtp", "promptLookupMax": 4}),
        ["are for the method ngram only"],
    ),
    (
        "fewest words above most",
        engine(speculative={"method": "ngram", "promptLookupMax": 2, "promptLookupMin": 3}),
        ["promptLookupMin must not be above promptLookupMax"],
    ),
    (
        "a draft that is streamed",
        engine(speculative={"method": "eagle3", "model": {"uri": "s3://bucket/draft"}}),
        ["has a scheme that a draft cannot come from"],
    ),
    (
        "memory that is no quantity",
        engine(kvCacheOffloading={"cpu": "much"}),
        ["spec.engine.kvCacheOffloading.cpu"],
    ),
    ("a preset that there is not", engine(preset="Fast"), ["spec.engine.preset", "Interactive"]),
    (
        "a preset of vLLM's for another engine",
        engine(type="Custom", image="engine", preset="Batch"),
        ["tell the engine in engine.args"],
    ),
    (
        "another engine without an image",
        engine(type="Custom"),
        ["spec.engine", "engine.image must be set where engine.type is Custom"],
    ),
    ("a command for vLLM", engine(command=["sh"]), ["are for engine.type Custom", "is Tidegate's"]),
    ("a port for vLLM", engine(port=9000), ["are for engine.type Custom"]),
    (
        "a flag of vLLM's for another engine",
        engine(type="Custom", image="engine", maxModelLen=4096),
        ["engine.maxModelLen", "tell the engine in engine.args"],
    ),
    (
        "a path that is none",
        engine(type="Custom", image="engine", healthPath="health"),
        ["engine.healthPath and readyPath must be paths"],
    ),
    (
        "a metric that another engine has not",
        service(
            engine={"type": "Custom", "image": "engine"},
            scaling={"maxReplicas": 2, "metrics": [{"type": "KVCacheUtilization", "target": 75}]},
        ),
        ["needs vLLM's metrics", "QueueDepth or Concurrency"],
    ),
    (
        "the engine's own key",
        engine(env=[{"name": "VLLM_API_KEY", "value": "x"}]),
        ["engine.env must not hold a token"],
    ),
    ("no spec at all", without_spec(), ["spec: Required value"]),
    ("a spec without a model", without_model(), ["spec.model: Required value"]),
    ("a model without a uri", service(model={"name": "x"}), ["spec.model.uri: Required value"]),
    ("a word for a number", service(replicas="two"), ["spec.replicas", "must be of type integer"]),
    ("a fraction of a worker", service(replicas=1.5), ["spec.replicas", "must be of type integer"]),
    ("fewer than no workers", service(replicas=-1), ["spec.replicas", "greater than or equal to 0"]),
    (
        "more workers than bounds allow",
        service(replicas=100000),
        ["spec.replicas", "less than or equal to 1000"],
    ),
    ("a text for a switch", service(suspend="yes"), ["spec.suspend", "must be of type boolean"]),
    ("one word for a list", engine(args="--max-num-seqs=4"), ["spec.engine.args", "must be of type array"]),
    ("an empty argument", engine(args=[""]), ["spec.engine.args[0]", "at least 1 chars"]),
    ("too many arguments", engine(args=["--a"] * 65), ["spec.engine.args", "at most 64 items"]),
    ("a length of nothing", engine(maxModelLen=0), ["spec.engine.maxModelLen", "greater than or equal to 1"]),
    ("no such quantization", engine(quantization="int3"), ["spec.engine.quantization", '"awq"']),
    ("no such cache format", engine(kvCacheDtype="fp4"), ["spec.engine.kvCacheDtype", '"fp8_e4m3"']),
    (
        "two variables of one name",
        engine(env=[{"name": "A", "value": "1"}, {"name": "A"}]),
        ["spec.engine.env[1]", "Duplicate value"],
    ),
    (
        "a variable that no shell could name",
        engine(env=[{"name": "1-A"}]),
        ["spec.engine.env[0].name", "must be letters, digits and _"],
    ),
    (
        "a variable taken from a Secret",
        engine(env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]),
        ["valueFrom", "unknown field"],
    ),
    ("a name of 64 characters", service("x" * 64), ["metadata.name must be at most 50 characters"]),
    ("a name of 51 characters", service("x" * 51), ["metadata.name must be at most 50 characters"]),
    ("a name that no Service can have", service("1-chat"), ["metadata.name must be", "start with a letter"]),
    ("a name with a dot", service("chat.v2"), ["metadata.name must be lower-case letters, digits and '-'"]),
    (
        "an unknown scheme",
        model("https://example.com/name"),
        ["model.uri has an unknown scheme", "hf://ORG/NAME", "pvc://CLAIM/PATH", "file:///PATH"],
    ),
    ("no scheme", model("models/x"), ["model.uri has an unknown scheme"]),
    ("a relative file", model("file://models/x"), ["model.uri has an unknown scheme", "file:///PATH"]),
    ("a way up in a volume", model("pvc://models/../../etc"), ["model.uri must not contain '..'"]),
    ("a way up on the node", model("file:///srv/models/../../etc"), ["model.uri must not contain '..'"]),
    ("a claim that no name can be", model("pvc://Models/x"), ["model.uri must be pvc://CLAIM/PATH"]),
    ("a claim without a name", model("pvc:///x"), ["model.uri must be pvc://CLAIM/PATH"]),
    ("a uri without an end", model("pvc://models/" + "x" * 1024), ["spec.model.uri", "Too long"]),
    (
        "a model name with a blank",
        model("pvc://a", name="my model"),
        ["spec.model.name", "must be letters, digits"],
    ),
    (
        "a profile without a count",
        service(resourceProfile="nvidia-l4"),
        ["spec.resourceProfile", "such as cpu:1"],
    ),
    (
        "a profile counted from nothing",
        service(resourceProfile="cpu:0"),
        ["spec.resourceProfile", "COUNT from 1 to 999"],
    ),
    (
        "no quantity",
        service(resources={"limits": {"memory": "6 GB"}}),
        ["spec.resources.limits.memory", "should match"],
    ),
    (
        "a quantity below nothing",
        service(resources={"requests": {"cpu": "-1"}}),
        ["spec.resources.requests.cpu"],
    ),
    (
        "a quantity of another kind",
        service(resources={"requests": {"cpu": True}}),
        ["spec.resources.requests.cpu", "integer,string"],
    ),
    (
        "a Pod template that is a list",
        service(podTemplate=[]),
        ["spec.podTemplate", "must be of type object"],
    ),
    (
        "a class that there is not",
        classes({"name": "urgent"}),
        ["spec.qos.classes[0].name", '"high", "medium", "low"'],
    ),
    ("a class twice", classes({"name": "low"}, {"name": "low"}), ["spec.qos.classes[1]", "Duplicate value"]),
    ("a class without a name", classes({"pool": "Shared"}), ["spec.qos.classes[0].name: Required value"]),
    ("no such pool", classes({"name": "low", "pool": "Own"}), ["spec.qos.classes[0].pool", '"Dedicated"']),
    (
        "a size for a pool that is shared",
        classes({"name": "high", "replicas": 2}),
        ["qos.classes.replicas is the size of a pool of one's own", "spec.replicas"],
    ),
    (
        "a PriorityClass for a pool that is shared",
        classes({"name": "high", "pool": "Shared", "priorityClassName": "x"}),
        ["qos.classes.priorityClassName is for a pool of one's own"],
    ),
    (
        "a PriorityClass that no name can be",
        classes({"name": "high", "pool": "Dedicated", "priorityClassName": "Tide Gate"}),
        ["priorityClassName must be lower-case letters"],
    ),
    (
        "shares of more than there is",
        classes({"name": "high", "minSharePercent": 90}, {"name": "low", "minSharePercent": 11}),
        ["qos.classes.minSharePercent must not exceed 100 in sum"],
    ),
    (
        "a share below nothing",
        classes({"name": "high", "minSharePercent": -1}),
        ["minSharePercent", "greater than or equal to 0"],
    ),
    (
        "a queue without an end",
        classes({"name": "high", "maxQueue": 10001}),
        ["maxQueue", "less than or equal to 10000"],
    ),
    (
        "a wait of no time",
        classes({"name": "high", "queueTimeoutSeconds": 0}),
        ["queueTimeoutSeconds", "greater than or equal to 1"],
    ),
    (
        "a size for a shared pool that is not there",
        classes(
            *({"name": name, "pool": "Dedicated"} for name in ("high", "medium", "low")),
            replicas=2,
        ),
        ["replicas is the size of the shared pool", "set replicas to 1, and qos.classes.replicas instead"],
    ),
    (
        "a number and bounds at once",
        service(replicas=2, scaling={"maxReplicas": 4}),
        ["replicas and scaling exclude each other", "set it to null"],
    ),
    (
        "a number for a class, and bounds for all",
        scaled_classes({"name": "high", "pool": "Dedicated", "replicas": 1}),
        ["qos.classes.replicas and scaling exclude each other", "qos.classes.minReplicas"],
    ),
    (
        "bounds of a class that nothing scales",
        classes({"name": "high", "pool": "Dedicated", "maxReplicas": 2}),
        ["qos.classes.minReplicas and maxReplicas need spec.scaling"],
    ),
    (
        "bounds of a pool that is shared",
        scaled_classes({"name": "high", "minReplicas": 1}),
        ["qos.classes.minReplicas and maxReplicas bound a pool of one's own"],
    ),
    (
        "a class's least above its most",
        scaled_classes({"name": "high", "pool": "Dedicated", "minReplicas": 3, "maxReplicas": 2}),
        ["qos.classes.minReplicas must not be above maxReplicas"],
    ),
    (
        "a class's least above the most of all",
        scaled_classes({"name": "high", "pool": "Dedicated", "minReplicas": 5}),
        ["qos.classes.minReplicas must not be above maxReplicas", "spec.scaling"],
    ),
    (
        "the least of all above a class's most",
        scaled_classes({"name": "high", "pool": "Dedicated", "maxReplicas": 1}, minReplicas=2),
        ["qos.classes.minReplicas must not be above maxReplicas"],
    ),
    ("a promise of no time", classes({"name": "high", "slo": {"ttftMilliseconds": 0}}), ["ttftMilliseconds"]),
    (
        "scaling without an upper bound",
        service(scaling={"minReplicas": 1}),
        ["spec.scaling.maxReplicas: Required value"],
    ),
    ("the least above the most", scaled(minReplicas=5), ["minReplicas must not be above maxReplicas"]),
    ("a most of nothing", scaled(maxReplicas=0), ["maxReplicas", "greater than or equal to 1"]),
    ("no such mode", scaled(mode="Automatic"), ["spec.scaling.mode", '"Advise"', '"External"']),
    ("a mode that YAML has read as a truth value", scaled(mode=False), ["spec.scaling.mode", "type string"]),
    ("no such metric", scaled(metrics=[{"type": "CPU", "target": 1}]), ["metrics[0].type", '"QueueDepth"']),
    (
        "a metric twice",
        scaled(metrics=[{"type": "QueueDepth", "target": 1}, {"type": "QueueDepth", "target": 2}]),
        ["metrics[1]", "Duplicate value"],
    ),
    (
        "more than all of the cache",
        scaled(metrics=[{"type": "KVCacheUtilization", "target": 101}]),
        ["metrics.target of KVCacheUtilization is percent"],
    ),
    ("a target of nothing", scaled(metrics=[{"type": "Concurrency", "target": 0}]), ["metrics[0].target"]),
    (
        "a fallback above the most",
        scaled(fallback={"replicas": 5}),
        ["fallback.replicas must not be above maxReplicas"],
    ),
    ("a fallback to no number", scaled(fallback={}), ["fallback.replicas: Required value"]),
    ("a ceiling without a price", scaled(maxHourlyCost="10"), ["maxHourlyCost needs costPerReplicaHour"]),
    (
        "a price with its currency",
        scaled(costPerReplicaHour="4.10 EUR"),
        ["costPerReplicaHour", 'such as "4.10"'],
    ),
    ("a price that is a number", scaled(costPerReplicaHour=4.1), ["costPerReplicaHour", "type string"]),
    ("a floor above the most", floor(minReplicas=5), ["schedules.minReplicas must not be above maxReplicas"]),
    ("a floor that takes no time", floor(endTime="08:00"), ["schedules.startTime and endTime must differ"]),
    ("a time that YAML has read as a number", floor(startTime=480), ["startTime", "type string"]),
    ("no time of day", floor(startTime="24:00"), ["schedules.startTime must be hours and minutes"]),
    ("no day", floor(daysOfWeek=["Monday"]), ["daysOfWeek[0]", '"Mon"']),
    ("a floor on no day", floor(daysOfWeek=[]), ["daysOfWeek", "at least 1 items"]),
    ("no name of a time zone", floor(timezone="UTC+1:00"), ["schedules.timezone must be a name"]),
    ("a sleep after no time", scaled(idleSeconds=1), ["idleSeconds", "greater than or equal to 60"]),
    (
        "speed in no unit",
        scaled(behavior={"scaleUp": {"policies": [{"type": "Nodes", "value": 1, "periodSeconds": 60}]}}),
        ["policies[0].type", '"Percent"'],
    ),
    (
        "speed over no time",
        scaled(behavior={"scaleDown": {"policies": [{"type": "Pods", "value": 1}]}}),
        ["policies[0].periodSeconds: Required value"],
    ),
    ("no such way to wait", service(coldStart={"mode": "Queue"}), ["spec.coldStart.mode", '"Hold"']),
    ("a wait for ever", service(coldStart={"timeoutSeconds": 3601}), ["coldStart.timeoutSeconds"]),
    ("no such strategy", service(routing={"strategy": "Random"}), ["spec.routing.strategy", '"LeastLoad"']),
    ("no such cache", service(routing={"prefixCache": "None"}), ["spec.routing.prefixCache", '"PerTenant"']),
    (
        "batches above the rest",
        tenant(qosClass="medium", batchQosClass="high"),
        ["batchQosClass must not be above qosClass"],
    ),
    (
        "batches above a low tenant's rest",
        tenant(qosClass="low", batchQosClass="medium"),
        ["batchQosClass must not be above qosClass"],
    ),
    (
        "a limit below nothing",
        tenant(limits={"tokensPerMinute": -1}),
        ["spec.limits.tokensPerMinute", "greater than or equal to 0"],
    ),
    ("a limit in words", tenant(limits={"concurrency": "4"}), ["spec.limits.concurrency", "type integer"]),
    ("an unknown limit", tenant(limits={"rpm": 4}), ["spec.limits.rpm", "unknown field"]),
    ("a budget without its size", tenant(budget={"window": "Day"}), ["spec.budget.tokens: Required value"]),
    ("no such window", tenant(budget={"tokens": 1, "window": "Year"}), ["spec.budget.window", '"Week"']),
    (
        "a service of another namespace",
        tenant(services=["team-b/chat"]),
        ["services must be names of LLMServices of the tenant's own namespace"],
    ),
    ("a service twice", tenant(services=["chat", "chat"]), ["spec.services[1]", "Duplicate value"]),
    ("too many services", tenant(services=[f"s{n}" for n in range(65)]), ["spec.services", "at most 64"]),
    ("a class that is not there", tenant(qosClass="urgent"), ["spec.qosClass", '"high"', '"low"']),
    (
        "a key in place of its digest",
        keys({"name": "ci", "sha256": KEY}),
        ["spec.keys[0].sha256", "never the key itself", "sha256sum"],
    ),
    (
        "a digest in capitals",
        keys({"name": "ci", "sha256": "A" * 64}),
        ["spec.keys[0].sha256", "lower-case hex"],
    ),
    (
        "a digest too short",
        keys({"name": "ci", "sha256": "0" * 63}),
        ["spec.keys[0].sha256", "64 characters"],
    ),
    ("a digest too long", keys({"name": "ci", "sha256": "0" * 65}), ["spec.keys[0].sha256", "Too long"]),
    ("a key without its digest", keys({"name": "ci"}), ["spec.keys[0].sha256: Required value"]),
    (
        "two keys of one name",
        keys({"name": "a", "sha256": DIGEST}, {"name": "a", "sha256": "1" * 64}),
        ["spec.keys[1]", "Duplicate value"],
    ),
    (
        "a key itself, in a field of its own",
        keys({"name": "ci", "sha256": DIGEST, "key": KEY}),
        ["spec.keys[0].key", "unknown field"],
    ),
    (
        "an end that is no time",
        keys({"name": "ci", "sha256": DIGEST, "notAfter": "tomorrow"}),
        ["spec.keys[0].notAfter", "date-time"],
    ),
]


@pytest.mark.parametrize(("manifest", "words"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_it_is_refused_with_the_field_and_the_fix(
    kubectl: Kubectl, manifest: Object, words: list[str]
) -> None:
    with pytest.raises(Refused) as refused:
        kubectl.submit(manifest)
    said = str(refused.value)
    assert [word for word in words if word not in said] == [], said
