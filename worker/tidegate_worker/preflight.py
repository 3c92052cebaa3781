"""Whether this model can be served by this engine here: checks in the order in which they explain each other.

Owns the checks and their words. Pure: facts in, the first finding out.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from tidegate_api.names import WORKER_UID
from tidegate_worker import memory
from tidegate_worker.engine_table import EngineTable
from tidegate_worker.facts import EngineFacts, ModelFacts
from tidegate_worker.finding import Finding

PICKLES: Final = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
OTHER_FORMATS: Final = (".gguf", ".ggml", ".h5", ".msgpack", ".onnx", ".npz")
# Mistral's own layout: its configuration is params.json, and it names no architecture.
MISTRAL_CONFIG: Final = "params.json"
SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the checks look at."""

    model: ModelFacts
    engine: EngineFacts
    table: EngineTable
    memory_limit: int | None
    # The model that guesses tokens.
    draft: ModelFacts | None = None


Check = Callable[[Facts], Finding | None]


def preflight(facts: Facts) -> Finding | None:
    """Return the first thing that keeps this model from being served, or the one that guesses for it; or None."""
    found = _first(CHAIN, facts)
    if found is not None or facts.draft is None:
        return found
    found = _first(OF_DRAFT, replace(facts, model=facts.draft))
    where = "spec.engine.speculative.model.uri"
    return None if found is None else Finding(found.reason, found.message.replace("spec.model.uri", where))


def _first(chain: Iterable[Check], facts: Facts) -> Finding | None:
    return next((finding for check in chain if (finding := check(facts))), None)


def model_is_there(facts: Facts) -> Finding | None:
    model = facts.model
    match model.presence:
        case "present":
            return None
        case "absent":
            instead = f"; {model.detail}" if model.detail else ""
            message = f"there is no directory {model.path}{instead}. Correct spec.model.uri or copy the model there."
        case "not a directory":
            message = f"{model.path} is a file. spec.model.uri names the directory that holds config.json."
        case "unreadable":
            message = (
                f"{model.path} cannot be listed: {model.detail}. Make it readable for user {WORKER_UID}."
            )
    return Finding("ModelNotFound", message)


def weights_are_readable(facts: Facts) -> Finding | None:
    model = facts.model
    closed = next((weight for weight in model.weights if weight.unreadable), None)
    if closed is None:
        return None
    message = f"{model.path}/{closed.name} cannot be read: {closed.unreadable}."
    return Finding(
        "ModelNotFound", f"{message} Make the model readable for user {WORKER_UID} (chmod -R a+rX)."
    )


def no_code_comes_along(facts: Facts) -> Finding | None:
    model = facts.model
    if code := [name for name in model.files if name.endswith(".py")]:
        message = f"{model.path} holds Python files ({some(code)}), and workers run no code that comes with a model."
        return Finding("UnsafeFormat", f"{message} Remove them if vLLM knows the architecture without them.")
    if model.code_references:
        message = f'{some(model.code_references)} in {model.path} names code to run ("auto_map").'
        return Finding(
            "UnsafeFormat", f"{message} Remove that key if vLLM knows the architecture without it."
        )
    return None


def weights_are_safetensors(facts: Facts) -> Finding | None:
    model = facts.model
    if model.weights or model.missing_shards or without_weights(facts):
        return None
    if pickles := with_suffix(model.files, PICKLES):
        message = (
            f"{model.path} holds weights only as pickles ({some(pickles)}), which can run code when loaded."
        )
        return Finding("UnsafeFormat", f"{message} Convert them to safetensors.")
    if others := with_suffix(model.files, OTHER_FORMATS):
        message = f"{model.path} holds weights only as {some(others)}."
        return Finding("UnsafeFormat", f"{message} Workers load safetensors; convert the model.")
    holds = some(model.files) if model.files else "nothing"
    message = f"{model.path} holds no weights: no *.safetensors file, only {holds}."
    return Finding("ModelNotFound", f"{message} Wait for the copy to finish, or correct spec.model.uri.")


def config_is_sound(facts: Facts) -> Finding | None:
    model = facts.model
    where = f"{model.path}/config.json"
    if model.config.problem:
        return Finding("InvalidModelConfig", f"{where} {model.config.problem}. Copy the model again.")
    if not model.config.there:
        if MISTRAL_CONFIG in model.files:
            return None
        if "adapter_config.json" in model.files:
            message = f"{model.path} is a LoRA adapter, not a model. Name its base model in spec.model.uri."
            return Finding("InvalidModelConfig", message)
        return Finding("InvalidModelConfig", f"{where} is missing. Copy the model again, with all its files.")
    config = model.config.content or {}
    if not config.get("architectures") and not config.get("model_type"):
        return Finding("InvalidModelConfig", f'{where} has neither "architectures" nor "model_type".')
    return None


def weights_are_whole(facts: Facts) -> Finding | None:
    model = facts.model
    if model.index.problem:
        return corrupt(f"{model.path}/model.safetensors.index.json {model.index.problem}.")
    if model.missing_shards:
        names = some(model.missing_shards)
        why = "model.safetensors.index.json names" if model.index.there else "is a link to nothing"
        return corrupt(f"{model.path} lacks {names}, which {why}.")
    broken = next((weight for weight in model.weights if weight.problem), None)
    return corrupt(f"{model.path}/{broken.name} is corrupt: {broken.problem}.") if broken else None


def architecture_is_supported(facts: Facts) -> Finding | None:
    names = architectures(facts.model.config.content or {})
    table = facts.table
    # Another vLLM than the one of the table, or a user who overrides the model's own word, knows better.
    if facts.engine.version not in (None, table.version) or facts.engine.value_of("--hf-overrides"):
        return None
    if not names or table.architectures.intersection(names):
        return None
    closest = table.closest(names[0])
    hint = f" Closest supported: {', '.join(closest)}." if closest else ""
    message = f"vLLM {table.version} does not support the architecture {some(names)} of {facts.model.path}."
    return Finding("UnsupportedArchitecture", message + hint)


def memory_suffices(facts: Facts) -> Finding | None:
    limit = facts.memory_limit
    if not facts.engine.on_cpu or limit is None:
        return None
    guessing = 0 if facts.draft is None else facts.draft.weight_bytes
    need = memory.need(facts.model.weight_bytes + guessing, facts.engine)
    if need.total <= limit:
        return None
    parts = (
        f"{memory.gib(need.weights)} weights + {memory.gib(need.cache)} key-value cache "
        f"({memory.KV_SPACE}) + {memory.gib(need.engine)} engine"
    )
    message = f"the model needs at least {memory.gib(need.total)} of memory ({parts}); {memory.gib(limit)} are allowed."
    fix = f"Set spec.resources.limits.memory to {need.comfortable_gib}Gi or more, or use a larger spec.resourceProfile."
    return Finding("InsufficientMemory", f"{message} {fix}")


OF_FILES: Final[tuple[Check, ...]] = (
    model_is_there,
    no_code_comes_along,
    weights_are_safetensors,
    config_is_sound,
    weights_are_readable,
    weights_are_whole,
)
CHAIN: Final[tuple[Check, ...]] = (*OF_FILES, architecture_is_supported, memory_suffices)
# What heads are called that guess for other models, no table has.
OF_DRAFT: Final = OF_FILES


def architectures(config: Any) -> list[str]:
    """Return the architectures that a configuration names."""
    names = config.get("architectures")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def without_weights(facts: Facts) -> bool:
    """Return whether the engine was asked to make weights up."""
    return facts.engine.value_of("--load-format") == "dummy"


def with_suffix(names: Iterable[str], suffixes: tuple[str, ...]) -> list[str]:
    return [name for name in names if name.endswith(suffixes)]


def some(names: Iterable[str]) -> str:
    """Return the first few names, shortened, for a sentence."""
    listed = [name if len(name) <= 100 else name[:99] + "…" for name in names]
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more


def corrupt(what: str) -> Finding:
    return Finding("CorruptWeights", f"{what} Copy the model again and compare checksums.")
