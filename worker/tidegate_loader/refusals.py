"""What is not brought into the cache, decided before any weights are fetched.

Owns the rules about code, formats and completeness of a repository, and their words. Pure: what the hub lists and a
few small documents in, the first objection out.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from tidegate_loader.choice import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    CONFIG,
    INDEX,
    MISTRAL_CONFIG,
    Kind,
    indexed_shards,
    weight_files,
)
from tidegate_loader.failure import LoadFailed
from tidegate_loader.listing import Listing
from tidegate_loader.names import names_problem

PICKLES: Final = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
OTHER_FORMATS: Final = (".gguf", ".ggml", ".h5", ".msgpack", ".onnx", ".npz", ".tflite")
PIPELINE: Final = "model_index.json"
# What PEFT calls the one kind of adapter that engines load.
LORA: Final = "LORA"
SHOWN: Final = 5


def refuse_listing(listing: Listing, page: str, kind: Kind = "Model") -> LoadFailed | None:
    """Return why this repository is not loaded, by the names of its files; `page` is where people see it."""
    names = listing.names
    if problem := names_problem(names):
        return LoadFailed("UnsafeFormat", f"{page} lists a file that cannot be kept: {problem}.")
    if code := [name for name in names if name.endswith(".py")]:
        message = (
            f"{page} holds Python files ({some(code)}), and workers run no code that comes with a model."
        )
        return LoadFailed("UnsafeFormat", f"{message} Use a revision or a copy of the model without them.")
    if kind == "Adapter":
        return refuse_adapter(names, page)
    return refuse_model(names, page)


def refuse_model(names: Sequence[str], page: str) -> LoadFailed | None:
    """Return why this repository is not loaded as a model."""
    if not weight_files(names, None):
        return without_weights(names, page)
    if CONFIG in names or MISTRAL_CONFIG in names:
        return None
    if ADAPTER_CONFIG in names:
        message = (
            f"{page} is a LoRA adapter, not a model. Name its base model, and the adapter in model.lora."
        )
        return LoadFailed("InvalidModelConfig", message)
    what = "a pipeline of several models" if PIPELINE in names else "no language model"
    return LoadFailed("InvalidModelConfig", f"{page} has no {CONFIG} at its top: it is {what}.")


def refuse_adapter(names: Sequence[str], page: str) -> LoadFailed | None:
    """Return why this repository is not loaded as a LoRA adapter."""
    if ADAPTER_CONFIG not in names:
        message = f"{page} is no LoRA adapter: it has no {ADAPTER_CONFIG} at its top."
        return LoadFailed("InvalidModelConfig", f"{message} A model goes into spec.model.uri.")
    if ADAPTER_WEIGHTS in names:
        return None
    if pickles := with_suffix(names, PICKLES):
        message = (
            f"{page} holds its adapter only as a pickle ({some(pickles)}), which can run code when loaded."
        )
        return LoadFailed("UnsafeFormat", f"{message} Use a revision or a copy with {ADAPTER_WEIGHTS}.")
    return LoadFailed("ModelNotFound", f"{page} holds no {ADAPTER_WEIGHTS}, only {some(names)}.")


def without_weights(names: Sequence[str], page: str) -> LoadFailed:
    """Return what is there instead of weights in safetensors."""
    if pickles := with_suffix(names, PICKLES):
        message = f"{page} holds weights only as pickles ({some(pickles)}), which can run code when loaded."
        return LoadFailed(
            "UnsafeFormat", f"{message} Use a revision or a copy of the model with safetensors."
        )
    if others := with_suffix(names, OTHER_FORMATS):
        message = f"{page} holds weights only as {some(others)}. Workers load safetensors."
        return LoadFailed(
            "UnsafeFormat", f"{message} Use the model that these were made from, or convert them."
        )
    holds = some(names) if names else "nothing"
    return LoadFailed("ModelNotFound", f"{page} holds no weights: no *.safetensors file, only {holds}.")


def refuse_documents(
    listing: Listing,
    documents: Mapping[str, Mapping[str, Any] | None],
    page: str,
    kind: Kind = "Model",
) -> LoadFailed | None:
    """Return why this repository is not loaded, by the documents that are read first; None is one without sense."""
    for name, content in documents.items():
        if content is None:
            return LoadFailed("InvalidModelConfig", f"{name} of {page} is no JSON object.")
        if content.get("auto_map"):
            message = f'{name} of {page} names code to run ("auto_map"), and workers run none that comes with a model.'
            return LoadFailed("UnsafeFormat", f"{message} Use a copy of the model without that key.")
    peft = (documents.get(ADAPTER_CONFIG) or {}).get("peft_type", LORA) if kind == "Adapter" else LORA
    if peft != LORA:
        message = f"{page} is an adapter of type {str(peft)[:50]!r}, and the engine loads LoRA only."
        return LoadFailed("InvalidModelConfig", message)
    missing = sorted(indexed_shards(documents.get(INDEX)) - set(listing.names))
    if missing:
        message = f"{page} lacks {some(missing)}, which its {INDEX} names."
        return LoadFailed("CorruptWeights", f"{message} Use a revision that is whole.")
    return None


def with_suffix(names: Iterable[str], suffixes: tuple[str, ...]) -> list[str]:
    return [name for name in names if name.endswith(suffixes)]


def some(names: Sequence[str]) -> str:
    """Return the first few names, shortened, for a sentence."""
    listed = [name if len(name) <= 100 else name[:99] + "…" for name in names]
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more
