"""A model directory in, the finding out: what a user is told, in which order, and what is let through."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from models import GOOD, LLAMA, safetensors, tensor, write_model
from tidegate_worker.engine_table import EngineTable, load
from tidegate_worker.facts import EngineFacts
from tidegate_worker.finding import Finding
from tidegate_worker.memory import GIB
from tidegate_worker.model_files import read_model
from tidegate_worker.preflight import Facts, preflight

WHOLE: Mapping[str, object] = {"config.json": LLAMA, "model.safetensors": GOOD}
TABLE = EngineTable("0.32.0", frozenset({"LlamaForCausalLM", "MistralForCausalLM", "Qwen3ForCausalLM"}))
INDEX = "model.safetensors.index.json"
CPU = EngineFacts((), {"VLLM_CPU_KVCACHE_SPACE": "1"}, on_cpu=True, version="0.32.0")


def index(*names: str) -> dict[str, object]:
    return {"weight_map": {f"t{position}": name for position, name in enumerate(names)}}


@dataclass(frozen=True)
class Case:
    sentence: str
    files: Mapping[str, object] = field(default_factory=lambda: WHOLE)
    reason: str | None = None
    words: tuple[str, ...] = ()
    engine: EngineFacts = CPU
    limit: int | None = 4 * GIB

    def __str__(self) -> str:
        return self.sentence


SERVED = [
    Case("a whole model"),
    Case("a sharded model", {"config.json": LLAMA, INDEX: index("a.safetensors"), "a.safetensors": GOOD}),
    Case("pickles beside safetensors, which vLLM does not read", {**WHOLE, "pytorch_model.bin": b""}),
    Case(
        "Mistral's own layout",
        {"params.json": {"dim": 1}, "consolidated.safetensors": GOOD, "tekken.json": {}},
    ),
    Case(
        "a broken second copy that vLLM does not read",
        {**WHOLE, "consolidated.safetensors": b"broken", "original/consolidated.00.pth": b""},
    ),
    Case("a model that names only its type", {**WHOLE, "config.json": {"model_type": "llama"}}),
    Case(
        "one known architecture among unknown ones",
        {**WHOLE, "config.json": {"architectures": ["Other", "LlamaForCausalLM"]}},
    ),
    Case(
        "an unknown architecture on another version of vLLM than the table's",
        {**WHOLE, "config.json": {"architectures": ["New"]}},
        engine=EngineFacts((), {}, on_cpu=True, version="0.33.0"),
    ),
    Case(
        "an unknown architecture that an argument overrides",
        {**WHOLE, "config.json": {"architectures": ["New"]}},
        engine=EngineFacts(("--hf-overrides", '{"architectures":["LlamaForCausalLM"]}'), {}, on_cpu=True),
    ),
    Case("an empty auto_map", {**WHOLE, "config.json": {**LLAMA, "auto_map": {}}}),
    Case(
        "no weights where the engine makes them up",
        {"config.json": LLAMA},
        engine=EngineFacts(("--load-format=dummy",), {}, on_cpu=True),
    ),
    Case("little memory beside a GPU", engine=EngineFacts((), {}, on_cpu=False), limit=GIB),
    Case("a machine that tells no limit", limit=None),
    Case("memory that just suffices", limit=5 * GIB // 2 + 4096),
]

REFUSED = [
    Case("an empty directory", {}, "ModelNotFound", ("holds no weights", "only nothing", "spec.model.uri")),
    Case("only documentation", {"README.md": b""}, "ModelNotFound", ("only README.md",)),
    Case("a configuration without weights", {"config.json": LLAMA}, "ModelNotFound", ("no *.safetensors",)),
    Case("Python beside the weights", {**WHOLE, "modeling_x.py": b""}, "UnsafeFormat", ("modeling_x.py",)),
    Case(
        "Python in a folder below",
        {**WHOLE, "code/tokenizer.py": b""},
        "UnsafeFormat",
        ("code/tokenizer.py",),
    ),
    Case(
        "a configuration that names code",
        {**WHOLE, "config.json": {**LLAMA, "auto_map": {"AutoModel": "x.Model"}}},
        "UnsafeFormat",
        ("config.json", "auto_map"),
    ),
    Case(
        "a tokenizer that names code",
        {**WHOLE, "tokenizer_config.json": {"auto_map": {"AutoTokenizer": ["x.T", None]}}},
        "UnsafeFormat",
        ("tokenizer_config.json",),
    ),
    Case(
        "only pickles",
        {"config.json": LLAMA, "pytorch_model.bin": b"", "x.pt": b""},
        "UnsafeFormat",
        ("pytorch_model.bin, x.pt", "Convert them to safetensors"),
    ),
    Case("only GGUF", {"model.Q4.gguf": b"GGUF"}, "UnsafeFormat", ("model.Q4.gguf", "convert")),
    Case("no configuration", {"model.safetensors": GOOD}, "InvalidModelConfig", ("config.json is missing",)),
    Case(
        "a LoRA adapter",
        {"adapter_config.json": {}, "adapter_model.safetensors": GOOD},
        "InvalidModelConfig",
        ("LoRA adapter",),
    ),
    Case(
        "a configuration that is no JSON",
        {**WHOLE, "config.json": b"{"},
        "InvalidModelConfig",
        ("config.json is not valid JSON",),
    ),
    Case(
        "a configuration that is a list",
        {**WHOLE, "config.json": []},
        "InvalidModelConfig",
        ("not a JSON object",),
    ),
    Case(
        "a configuration nested too deeply",
        {**WHOLE, "config.json": b"[" * 100_000},
        "InvalidModelConfig",
        ("nested too deeply",),
    ),
    Case(
        "a configuration that names no model",
        {**WHOLE, "config.json": {}},
        "InvalidModelConfig",
        ("neither",),
    ),
    Case(
        "weights cut off",
        {**WHOLE, "model.safetensors": GOOD[:-2]},
        "CorruptWeights",
        ("model.safetensors is corrupt: it ends 2 bytes early", "Copy the model again"),
    ),
    Case(
        "one corrupt shard of two",
        {"config.json": LLAMA, INDEX: index("a.safetensors", "b.safetensors"), "a.safetensors": GOOD}
        | {"b.safetensors": safetensors(b"{")},
        "CorruptWeights",
        ("b.safetensors is corrupt",),
    ),
    Case(
        "a shard that is missing",
        {"config.json": LLAMA, INDEX: index("a.safetensors", "b.safetensors"), "a.safetensors": GOOD},
        "CorruptWeights",
        ("lacks b.safetensors",),
    ),
    Case("an index that is no JSON", {**WHOLE, INDEX: b"x"}, "CorruptWeights", (INDEX, "not valid JSON")),
    Case(
        "an unknown architecture",
        {**WHOLE, "config.json": {"architectures": ["LLamaForCausalLM2"]}},
        "UnsupportedArchitecture",
        ("vLLM 0.32.0", "LLamaForCausalLM2", "Closest supported: LlamaForCausalLM"),
    ),
    Case(
        "an architecture unlike all others",
        {**WHOLE, "config.json": {"architectures": ["@@@"]}},
        "UnsupportedArchitecture",
        ("@@@",),
    ),
    Case(
        "too little memory",
        reason="InsufficientMemory",
        limit=2 * GIB,
        words=("at least 2.5 GiB", "1.0 GiB key-value cache", "2.0 GiB are allowed", "limits.memory to 4Gi"),
    ),
    Case(
        "too little memory for the weights' type",
        reason="InsufficientMemory",
        limit=GIB,
        engine=EngineFacts(("--quantization", "x"), {}, on_cpu=True, version="0.32.0"),
        words=("0.0 GiB weights", "0.0 GiB key-value cache"),
    ),
]


@pytest.mark.parametrize("case", SERVED, ids=str)
def test_is_served(case: Case, tmp_path: Path) -> None:
    model = read_model(write_model(tmp_path / "m", case.files))
    assert preflight(Facts(model, case.engine, TABLE, case.limit)) is None


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_is_refused_with_the_fix(case: Case, tmp_path: Path) -> None:
    model = read_model(write_model(tmp_path / "m", case.files))
    finding = preflight(Facts(model, case.engine, TABLE, case.limit))
    assert finding is not None
    assert finding.reason == case.reason
    for words in case.words:
        assert words in finding.message
    assert str(tmp_path / "m") in finding.message or case.reason == "InsufficientMemory"


def judge(path: Path) -> tuple[str, str]:
    finding = preflight(Facts(read_model(path), CPU, TABLE, None))
    assert finding is not None
    return finding.reason, finding.message


def test_a_missing_directory_is_named_beside_what_is_there_instead(tmp_path: Path) -> None:
    write_model(tmp_path / "smollm2", WHOLE)
    reason, message = judge(tmp_path / "smolllm2" / "v1")
    assert reason == "ModelNotFound"
    assert f"{tmp_path} holds smollm2" in message


def test_a_file_is_not_a_model_directory(tmp_path: Path) -> None:
    write_model(tmp_path, WHOLE)
    reason, message = judge(tmp_path / "config.json")
    assert reason == "ModelNotFound"
    assert "is a file" in message


def test_a_link_to_nowhere_is_a_missing_shard(tmp_path: Path) -> None:
    write_model(tmp_path, {"config.json": LLAMA})
    (tmp_path / "model.safetensors").symlink_to(tmp_path / "gone")
    assert judge(tmp_path) == (
        "CorruptWeights",
        f"{tmp_path} lacks model.safetensors, which is a link to nothing. Copy the model again and compare checksums.",
    )


def test_a_weight_that_cannot_be_read_is_not_called_corrupt(tmp_path: Path) -> None:
    write_model(tmp_path, {"config.json": LLAMA, INDEX: index("a.safetensors")})
    (tmp_path / "a.safetensors").mkdir()
    reason, message = judge(tmp_path)
    assert reason == "ModelNotFound"
    assert "a.safetensors cannot be read: Is a directory" in message


def test_the_pinned_table_knows_the_usual_architectures() -> None:
    table = load()
    assert {
        "LlamaForCausalLM",
        "Qwen3ForCausalLM",
        "MistralForCausalLM",
        "GPTNeoXForCausalLM",
    } <= table.architectures
    assert table.closest("LLamaForCausalLM")[0] == "LlamaForCausalLM"


# ---- the model that guesses tokens


def drafted(tmp_path: Path, files: Mapping[str, object], limit: int | None = None) -> Finding | None:
    write_model(tmp_path / "model", WHOLE)
    write_model(tmp_path / "draft", files)
    config = json.dumps({"method": "eagle3", "model": str(tmp_path / "draft")})
    engine = EngineFacts(("--speculative-config", config), CPU.env, on_cpu=True, version="0.32.0")
    assert engine.draft_path is not None
    draft = read_model(Path(engine.draft_path))
    return preflight(Facts(read_model(tmp_path / "model"), engine, TABLE, limit, draft))


def test_a_draft_of_an_architecture_that_no_table_has_is_served(tmp_path: Path) -> None:
    assert drafted(tmp_path, {**WHOLE, "config.json": {"architectures": ["Eagle3LlamaForCausalLM"]}}) is None


def test_a_draft_that_is_a_pickle_is_refused(tmp_path: Path) -> None:
    found = drafted(tmp_path, {"config.json": LLAMA, "pytorch_model.bin": b""})
    assert found is not None
    assert found.reason == "UnsafeFormat"


def test_a_draft_that_is_not_there_is_named_by_its_own_field(tmp_path: Path) -> None:
    found = drafted(tmp_path, {"readme": b""})
    assert found is not None
    assert (found.reason, "spec.engine.speculative.model.uri" in found.message) == ("ModelNotFound", True)


def test_a_draft_takes_memory(tmp_path: Path) -> None:
    """1 GiB for the cache and 1.5 for the engine, and a few thousand bytes of which a draft takes too many."""
    large = safetensors({"a": tensor(0, 10_000, "U8", (10_000,))}, bytes(10_000))
    room = 5 * GIB // 2 + 5_000
    assert drafted(tmp_path / "small", WHOLE, limit=room) is None
    found = drafted(tmp_path / "large", {**WHOLE, "model.safetensors": large}, limit=room)
    assert found is not None
    assert found.reason == "InsufficientMemory"


@pytest.mark.parametrize("config", ["{", "[]", '{"method":"ngram"}', '{"model":"org/name"}'])
def test_without_a_directory_nothing_is_looked_into(config: str) -> None:
    assert EngineFacts((f"--speculative-config={config}",)).draft_path is None
