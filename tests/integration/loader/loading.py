"""How the tests load models: in this process for what is decided, as a process for what a kill leaves behind."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.server import Hub
from models import safetensors, tensor, write_model
from tidegate_loader.__main__ import COMMANDS, load, options_of
from tidegate_loader.fetching import Patience
from tidegate_loader.report import Report, secrets_of

ROOT = Path(__file__).resolve().parents[3]
# Tokens are looked for in everything that leaves a loader.
GOOD, OTHER, BAD = "hf_goodgoodgood", "hf_otherother", "hf_badbadbad"
# A hub's bad moments last no longer here.
IMPATIENT = Patience(failures=3, first_wait=0.01, longest_wait=0.02)

CONFIG: Mapping[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_size": 64,
    "vocab_size": 128,
    "max_position_embeddings": 256,
    "torch_dtype": "bfloat16",
}
SMALL = safetensors({"a": tensor(0, 4000, "BF16", (2000,))}, bytes(4000))


def weights(size: int, seed: int) -> bytes:
    """Return a weight file with about this many random bytes."""
    return safetensors({"a": tensor(0, size, "U8", (size,))}, random.Random(seed).randbytes(size))


def publish(root: Path, name: str, files: Mapping[str, object] | None = None, **settings: Any) -> Path:
    """Put a small model on the hub's shelf; further files, and what the hub knows about it."""
    usual = {
        "config.json": CONFIG,
        "model.safetensors": SMALL,
        "tokenizer.json": {"a": 1},
        "README.md": b"about",
    }
    given = usual if files is None else files
    return write_model(root / name, {**given, ".hub.json": {"license": "apache-2.0", **settings}})


def publish_large(root: Path, name: str, megabytes: int, shards: int = 3) -> Path:
    """Put a model with an index and this many shards on the shelf."""
    names = [f"model-{number + 1:05}-of-{shards:05}.safetensors" for number in range(shards)]
    index = {"metadata": {}, "weight_map": {f"a{number}": shard for number, shard in enumerate(names)}}
    files: dict[str, object] = {"config.json": CONFIG, "model.safetensors.index.json": index}
    files |= {shard: weights(megabytes * 1_000_000 // shards, number) for number, shard in enumerate(names)}
    return publish(root, name, files)


def environment(hub: Hub, token: str | None) -> dict[str, str]:
    """Return what the operator sets."""
    names = {"HF_ENDPOINT": hub.url, "MODELSCOPE_ENDPOINT": hub.url}
    return names if token is None else {**names, "HF_TOKEN": token, "MODELSCOPE_API_TOKEN": token}


@dataclass(frozen=True)
class Ended:
    """How a loader ended: its exit code, its last words, and everything it wrote."""

    code: int
    said: Mapping[str, Any]
    log: str

    @property
    def reason(self) -> str | None:
        return self.said.get("reason")


@dataclass
class Place:
    """A cache, and the hub that it is filled from."""

    hub: Hub
    cache: Path
    monkeypatch: Any
    capsys: Any
    last: Path

    def run(self, *words: str, token: str | None = None) -> Ended:
        """Run a command in this process."""
        for name in ("HF_TOKEN", "MODELSCOPE_API_TOKEN"):
            self.monkeypatch.delenv(name, raising=False)
        for name, value in environment(self.hub, token).items():
            self.monkeypatch.setenv(name, value)
        options = options_of([*words, f"--termination-message={self.last}"])
        report = Report(self.last, secrets_of(os.environ))
        self.capsys.readouterr()
        is_load = options.command == "load"
        code = load(options, report, IMPATIENT) if is_load else COMMANDS[options.command](options, report)
        streams = self.capsys.readouterr()
        return Ended(
            code, json.loads(self.last.read_text()), streams.err + streams.out + self.last.read_text()
        )

    def load(self, uri: str, *words: str, token: str | None = None) -> Ended:
        return self.run("load", f"--uri={uri}", f"--cache={self.cache}", "--port=0", *words, token=token)

    def start(self, uri: str, *words: str, port: int = 0) -> subprocess.Popen[bytes]:
        """Start a loader as a process of its own."""
        command = [sys.executable, "-m", "tidegate_loader", "load", f"--uri={uri}", f"--cache={self.cache}"]
        env = {
            **os.environ,
            **environment(self.hub, None),
            "PYTHONPATH": f"{ROOT / 'worker'}:{ROOT / 'crds'}",
        }
        last = f"--termination-message={self.last}"
        return subprocess.Popen(
            [*command, f"--port={port}", last, *words], env=env, stderr=subprocess.DEVNULL
        )

    def content(self, path: str) -> dict[str, str]:
        """Return the hashes of a model's files in the cache, without what is the cache's own."""
        return hashes(self.cache / path)

    def whole(self) -> list[str]:
        """Return the models that are complete."""
        return sorted(str(p.parents[1].relative_to(self.cache)) for p in self.cache.rglob("complete.json"))


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file below a folder, by its name."""
    files = (path for path in folder.rglob("*") if path.is_file())
    named = ((str(path.relative_to(folder)), path) for path in files)
    return {
        n: hashlib.sha256(p.read_bytes()).hexdigest()
        for n, p in named
        if not n.startswith((".tidegate", ".hub"))
    }


def asked(port: int) -> dict[str, Any]:
    """Return what a loader tells of its progress."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/progress", timeout=5) as answer:
        told: dict[str, Any] = json.loads(answer.read())
    return told
