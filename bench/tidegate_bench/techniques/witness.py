"""guidellm as a witness: the engines of the batching technique once more, by a client that is not ours.

Owns its environment, its command and the reading of its report. It is pinned, and installed when it is first wanted.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tidegate_bench.peers import environment
from tidegate_bench.sim.real import MODEL

REQUIREMENT: Final = "guidellm==0.8.1"
# The engine's own version, of which uv has the files already.
OVERRIDES: Final = ("torch==2.13.0",)
CLIENTS: Final = 16
REQUESTS: Final = 32
PROMPT_TOKENS: Final = 64
ANSWER_TOKENS: Final = 32


def measure(port: int, model: Path, report: Path) -> dict[str, float]:
    """Return what guidellm sees of the engine at a port: tokens a second, seconds to the middle of all answers.

    Raises PeerAbsent where it cannot be installed, RuntimeError where a request failed.
    """
    program = environment(REQUIREMENT, OVERRIDES) / "bin" / "guidellm"
    words = [
        *(str(program), "run", "--disable-console"),
        *("--backend", f"kind=openai_http,target=http://127.0.0.1:{port},model={MODEL}"),
        *("--profile", f"kind=concurrent,streams={CLIENTS}"),
        *("--constraint", f"kind=max_requests,count={REQUESTS}"),
        *("--tokenizer", f"kind=huggingface_auto,model={model}"),
        *("--data", f"kind=synthetic_text,prompt_tokens={PROMPT_TOKENS},output_tokens={ANSWER_TOKENS}"),
        *("--output", f"kind=json,path={report}"),
    ]
    done = subprocess.run(
        words, env={**os.environ, "HF_HUB_OFFLINE": "1"}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{REQUIREMENT} failed: {(done.stderr or done.stdout)[-1000:]}")
    return read(json.loads(report.read_text()))


def read(report: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of a report; raises RuntimeError where a request did not succeed."""
    (benchmark,) = report["benchmarks"]
    metrics = benchmark["metrics"]
    totals = metrics["request_totals"]
    if totals["successful"] != REQUESTS:
        raise RuntimeError(f"guidellm had {totals['successful']} of {REQUESTS} requests answered")
    tokens = metrics["output_token_count"]["successful"]["total_sum"]
    return {
        "tokens/s": tokens / (benchmark["end_time"] - benchmark["start_time"]),
        "latency p50": metrics["request_latency"]["successful"]["median"],
        "first token p50": metrics["time_to_first_token_ms"]["successful"]["median"] / 1e3,
    }
