"""Write what one version of vLLM accepts, as data: its server's flags and the architectures it can run.

Runs inside an environment that has that vLLM (`make engine-table`); an argument names another directory. Owns the
file's format; must not import anything of ours, so that it also runs in an image that has only vLLM.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ENGINE_DIR = Path(__file__).resolve().parents[1] / "crds" / "tidegate_api" / "engine"
GENERATED_BY = "make engine-table"
# Families of transformers that vLLM can serve through its transformers backend.
FALLBACK_MAPPINGS = (
    "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES",
    "MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES",
    "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES",
)

TYPE_NAMES = {int: "int", float: "float", str: "str", json.loads: "json"}


def arity(action: argparse.Action) -> str:
    """Return how many words follow the flag: none, one, optional (none or one) or many."""
    if action.nargs == 0:
        return "none"
    if action.nargs == "?":
        return "optional"
    return "one" if action.nargs is None else "many"


def value_type(action: argparse.Action) -> str | None:
    """Return what the value has to be, or None where vLLM converts it in a way of its own (like `16k`)."""
    if action.nargs == 0:
        return "bool"
    return name_of_type(action.type)


def name_of_type(convert: Any) -> str | None:
    """Return our word for one of vLLM's converters, looking into its wrappers `optional_type`, `parse_type`."""
    if convert is None:
        return "str"
    if convert in TYPE_NAMES:
        return TYPE_NAMES[convert]
    if convert.__name__ == "parse_dataclass":
        return "json"
    wrapped = [cell.cell_contents for cell in convert.__closure__ or ()]
    return name_of_type(wrapped[0]) if convert.__name__ in ("_optional_type", "_parse_type") else None


def choices(action: argparse.Action) -> list[str] | None:
    """Return the allowed values, or None where vLLM first rewrites the word (so others are allowed too)."""
    if action.choices is None or value_type(action) is None:
        return None
    return [str(choice) for choice in action.choices]


def flags() -> Iterator[dict[str, Any]]:
    """Yield every flag of `python -m vllm.entrypoints.openai.api_server`."""
    from vllm.entrypoints.launchers.cli_args import make_arg_parser  # noqa: PLC0415
    from vllm.utils.argparse_utils import FlexibleArgumentParser  # noqa: PLC0415

    for action in make_arg_parser(FlexibleArgumentParser())._actions:
        if action.option_strings and not isinstance(action, argparse._HelpAction):
            yield {
                "names": list(action.option_strings),
                "takes": arity(action),
                "choices": choices(action),
                "type": value_type(action),
            }


def architectures() -> set[str]:
    """Return vLLM's own models and those that it can borrow from transformers."""
    from vllm import ModelRegistry  # noqa: PLC0415

    return set(ModelRegistry.get_supported_archs()) | set(borrowed())


def borrowed() -> Iterator[str]:
    """Yield the architectures that vLLM runs through transformers, by vLLM's own test for it."""
    import transformers  # noqa: PLC0415
    from transformers.models.auto import modeling_auto  # noqa: PLC0415

    for mapping in FALLBACK_MAPPINGS:
        for names in getattr(modeling_auto, mapping).values():
            for name in (names,) if isinstance(names, str) else names:
                model = getattr(transformers, name, None)
                if model and (model.is_backend_compatible() or model._can_set_attn_implementation()):
                    yield name


def render(version: str, rows: list[dict[str, Any]], names: list[str]) -> str:
    """Return the table as JSON with one flag or architecture a line, so that a difference reads as one."""
    head = {"engine": "vllm", "version": version, "generatedBy": GENERATED_BY}
    lines = [f"{json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    flag_lines = ",\n".join(json.dumps(row) for row in rows)
    name_lines = ",\n".join(json.dumps(name) for name in names)
    body = [f'"flags": [\n{flag_lines}\n],', f'"architectures": [\n{name_lines}\n]']
    return "\n".join(["{", *lines, *body, "}"]) + "\n"


def main() -> None:
    from vllm.version import __version__  # noqa: PLC0415

    version = __version__.split("+")[0]
    rows = sorted(flags(), key=lambda row: str(row["names"][0]))
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ENGINE_DIR
    folder.mkdir(exist_ok=True)
    target = folder / f"vllm-{version}.json"
    target.write_text(render(version, rows, sorted(architectures())))
    print(f"{target}: {len(rows)} flags, {target.stat().st_size // 1000} kB", file=sys.stderr)


if __name__ == "__main__":
    main()
