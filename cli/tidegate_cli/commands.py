"""The commands of `tidegate`, in the order in which they are listed.

Owns the list. Must not import a command: that is what makes `tidegate --help` quick.
"""

from collections.abc import Mapping
from typing import Final

from tidegate_cli.shell.group import Entry

_OPERATE, _KEEP, _OTHER = "Understand and change", "Models and keys", "Without a cluster"

COMMANDS: Final[Mapping[str, Entry]] = {
    "services": Entry(
        "tidegate_cli.loading",
        "app",
        "LLMServices: take their workers down, and up again, or make them anew.",
        _OPERATE,
    ),
    "scaling": Entry(
        "tidegate_cli.scaling",
        "app",
        "Replicas: why there are so many, and what the operator decided from.",
        _OPERATE,
    ),
    "rollouts": Entry(
        "tidegate_cli.rollouts", "app", "Versions of a service's workers: see, promote, abort.", _OPERATE
    ),
    "models": Entry(
        "tidegate_cli.models",
        "app",
        "Models: search hubs, bring models into the cache of a namespace, see who uses them.",
        _KEEP,
    ),
    "keys": Entry(
        "tidegate_cli.keys", "app", "API keys: create prints a key once; only its SHA-256 is stored.", _KEEP
    ),
    "plan": Entry(
        "tidegate_cli.plan",
        "plan",
        "Print what the operator would apply for the LLMServices in files; no cluster is asked.",
        _OTHER,
        "Example:\n\ntidegate plan -f llmservice.yaml",
    ),
    "completion": Entry(
        "tidegate_cli.completing",
        "completion",
        "Print the script by which a shell completes commands and names.",
        _OTHER,
    ),
}
