"""What a vLLM says of itself: its key-value cache now, and how much it has guessed right.

Owns the names of its metrics. Must not judge.
"""

from dataclasses import dataclass
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True, slots=True)
class Counters:
    """One look at an engine."""

    samples: dict[str, float]
    block_size: int
    blocks: int

    @property
    def tokens_held(self) -> float:
        """Return the room of all blocks that are in use, in tokens."""
        return self.samples["vllm:kv_cache_usage_perc"] * self.blocks * self.block_size

    @property
    def drafted(self) -> float:
        """Return how many tokens were guessed since the start."""
        return self.samples.get("vllm:spec_decode_num_draft_tokens_total", 0.0)

    @property
    def accepted(self) -> float:
        """Return how many of them were right."""
        return self.samples.get("vllm:spec_decode_num_accepted_tokens_total", 0.0)


def look(port: int) -> Counters:
    """Return what the engine at a port says now."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return parse(answer.read().decode())


def parse(text: str) -> Counters:
    """Return what an exposition says; raises KeyError where it names no cache."""
    samples: dict[str, float] = {}
    cache: dict[str, str] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "vllm:cache_config_info":
                cache = sample.labels
            samples[sample.name] = samples.get(sample.name, 0.0) + sample.value
    return Counters(samples, int(cache["block_size"]), int(cache["num_gpu_blocks"]))
