"""The commands of `tidegate`, in the order in which they are listed.

Owns the list. Must not import a command: that is what makes `tidegate --help` quick.
"""

from collections.abc import Mapping
from typing import Final

from tidegate_cli.shell.group import Entry
from tidegate_cli.shell.output import example

_SERVE, _OPERATE, _KEEP, _OTHER = "Serve", "Understand and change", "Models and keys", "Without a cluster"

COMMANDS: Final[Mapping[str, Entry]] = {
    "deploy": Entry(
        "tidegate_cli.deploy.command",
        "deploy",
        "Serve a model, or the LLMServices of files.",
        _SERVE,
        example(
            "tidegate deploy hf://HuggingFaceTB/SmolLM2-135M-Instruct --name chat --wait",
            "tidegate deploy hf://Qwen/Qwen3-8B --profile nvidia-l4:1 --min-replicas 0 --max-replicas 4",
            "tidegate deploy chat.yaml --dry-run",
        ),
    ),
    "status": Entry(
        "tidegate_cli.status.command",
        "status",
        "Say how services are, and what they wait for.",
        _SERVE,
        example("tidegate status", "tidegate status chat -n team-a", "tidegate status -A -o json"),
    ),
    "top": Entry(
        "tidegate_cli.top.command",
        "top",
        "Show what services are doing, as it happens.",
        _SERVE,
        example("tidegate top -A", "tidegate top -o json"),
    ),
    "chat": Entry(
        "tidegate_cli.talk.chat",
        "chat",
        "Talk to a model, and see how quick it is.",
        _SERVE,
        example(
            "tidegate chat chat",
            'tidegate chat chat "What is the capital of France?"',
            "git diff | tidegate chat chat --system 'Write a commit message.'",
        ),
    ),
    "bench": Entry(
        "tidegate_cli.talk.bench",
        "bench",
        "Measure how quick a model answers under load.",
        _SERVE,
        example(
            "tidegate bench chat --requests 100 --concurrency 8",
            "tidegate bench chat --requests 300 --rate 5 --url https://llm.example.com -o json",
        ),
    ),
    "doctor": Entry(
        "tidegate_cli.doctor.command",
        "doctor",
        "Check the cluster and the installation, each with the fix.",
        _OPERATE,
        example("tidegate doctor", "tidegate doctor -n team-a -o json"),
    ),
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
    "usage": Entry(
        "tidegate_cli.usage.command",
        "usage",
        "Say what each tenant has used: requests and tokens, and their cost at a price.",
        _KEEP,
        example("tidegate usage -A", "tidegate usage --prompt-price 0.20 --completion-price 0.80 -o json"),
    ),
    "plan": Entry(
        "tidegate_cli.plan",
        "plan",
        "Print what the operator would apply for the LLMServices in files; no cluster is asked.",
        _OTHER,
        example("tidegate plan -f llmservice.yaml"),
    ),
    "completion": Entry(
        "tidegate_cli.completing",
        "completion",
        "Print the script by which a shell completes commands and names.",
        _OTHER,
        example(
            "source <(tidegate completion bash)",
            "tidegate completion fish > ~/.config/fish/completions/tidegate.fish",
        ),
    ),
}
