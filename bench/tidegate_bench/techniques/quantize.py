"""Run by vLLM's own Python: `quantize.py MODEL TARGET BITS` writes a copy of a model with
integer weights, and prints how many bytes of it were made smaller.

Round to nearest, symmetric, as compressed-tensors stores it: 8 bits by row, with activations quantized as they come
(W8A8); 4 bits by groups of 32 (W4A16). Nothing is calibrated: what is measured is memory and speed, not quality.
Embeddings and the output layer stay as they are. Must not import anything of ours: it is a script there.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

GROUP = 32
LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def main() -> None:
    """Write the copy."""
    source, target, bits = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.safetensors", "*.index.json"))
    tensors: dict[str, torch.Tensor] = {}
    matrices = 0
    for file in sorted(source.glob("*.safetensors")):
        for name, tensor in load_file(file).items():
            tensors.update(rounded(name, tensor, bits))
            matrices += tensor.nbytes if is_matrix(name) else 0
    print(f"matrices={matrices}")
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((source / "config.json").read_text())
    (target / "config.json").write_text(json.dumps({**config, "quantization_config": told(bits)}))


def rounded(name: str, weight: torch.Tensor, bits: int) -> dict[str, torch.Tensor]:
    """Return a tensor as it is to be stored: as it is, unless it is a layer's matrix."""
    if not is_matrix(name):
        return {name: weight}
    stem = name.removesuffix(".weight")
    most = 2 ** (bits - 1) - 1
    rows, columns = weight.shape
    groups = weight.float().reshape(rows, -1, columns if bits == 8 else GROUP)
    scale = (groups.abs().amax(dim=2, keepdim=True) / most).clamp(min=1e-8)
    numbers = (groups / scale).round().clamp(-most - 1, most).reshape(rows, columns).to(torch.int8)
    scales = {f"{stem}.weight_scale": scale.squeeze(2).to(weight.dtype)}
    if bits == 8:
        return {f"{stem}.weight": numbers, **scales}
    return {
        f"{stem}.weight_packed": packed(numbers),
        f"{stem}.weight_shape": torch.tensor([rows, columns]),
        **scales,
    }


def is_matrix(name: str) -> bool:
    """Return whether a tensor is one of a layer's matrices."""
    return name.removesuffix(".weight").endswith(LAYERS)


def packed(numbers: torch.Tensor) -> torch.Tensor:
    """Return eight numbers of four bits in each 32, the first one lowest, as offsets from -8."""
    nibbles = (numbers.to(torch.int32) + 8).reshape(numbers.shape[0], -1, 8)
    shifts = torch.arange(0, 32, 4, dtype=torch.int32)
    return (nibbles << shifts).sum(dim=2, dtype=torch.int32)


def told(bits: int) -> dict[str, Any]:
    """Return what config.json says of it."""
    weights = {"num_bits": bits, "type": "int", "symmetric": True, "dynamic": False}
    eight = {"strategy": "channel"}
    four = {"strategy": "group", "group_size": GROUP}
    tokens = {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "token", "dynamic": True}
    group = {
        "targets": ["Linear"],
        "weights": {**weights, **(eight if bits == 8 else four)},
        "input_activations": tokens if bits == 8 else None,
        "output_activations": None,
    }
    return {
        "quant_method": "compressed-tensors",
        "format": "int-quantized" if bits == 8 else "pack-quantized",
        "quantization_status": "compressed",
        "config_groups": {"group_0": group},
        "ignore": ["lm_head"],
        "kv_cache_scheme": None,
    }


if __name__ == "__main__":
    main()
