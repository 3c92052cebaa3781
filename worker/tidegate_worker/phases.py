"""How long each part of this worker's start took, told on its /metrics page beside vLLM's own metrics.

Owns what is taken from vLLM's log records: by their format strings (0.32), not by their text. vLLM's processes write
what they pass to one file; its server reads it when it is asked. Must not stop vLLM: what cannot be written is not
told.
"""

import json
import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tidegate_api.names import STARTUP_METRIC

# Where the parts are written down, and when the worker began to become vLLM (Unix time).
FILE_VARIABLE: Final = "TIDEGATE_STARTUP_FILE"
BEGAN_VARIABLE: Final = "TIDEGATE_STARTUP_BEGAN"
CONFIG_VARIABLE: Final = "VLLM_LOGGING_CONFIG_PATH"
_WEIGHTS: Final = "Loading weights took"
_ENGINE: Final = "init engine (profile, create kv cache, warmup model) took"
# vLLM's own way to write a line, which a configuration of ours replaces.
_FORMAT: Final = (
    "(%(vllm_process_name)s pid=%(process)d) %(levelname)s %(asctime)s [%(fileinfo)s:%(lineno)d] %(message)s"
)


class Recorder(logging.Handler):
    """Writes down what a log record tells of the start."""

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        told = parts(str(record.msg), record.args, record.created)
        path = os.environ.get(FILE_VARIABLE)
        if told and path:
            write(Path(path), told)


def parts(template: str, values: object, at: float) -> Mapping[str, float]:
    """Return the seconds of the parts that a record tells, empty for any other record; `at` is when (Unix time)."""
    if not isinstance(values, tuple) or not all(isinstance(one, int | float) for one in values):
        return {}
    if template.startswith(_WEIGHTS) and len(values) == 1:
        return {"weights": float(values[0]), "weightsAt": at - float(values[0])}
    if template.startswith(_ENGINE) and values:
        compiling = float(values[1]) if len(values) > 1 else 0.0
        return {"compile": compiling, "warmup": max(float(values[0]) - compiling, 0.0)}
    return {}


def write(path: Path, told: Mapping[str, float]) -> None:
    """Add a line to the file: several processes do, each line at once."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")
    except OSError:
        return


def read(lines: Iterable[str], began: float) -> Mapping[str, float]:
    """Return the seconds of each part; of several processes the slowest counts, and who began to load first."""
    found: dict[str, float] = {}
    for line in lines:
        for name, value in json.loads(line).items():
            pick = min if name == "weightsAt" else max
            found[name] = pick(found[name], value) if name in found else value
    first = found.pop("weightsAt", None)
    if first is not None and began:
        found["import"] = max(first - began, 0.0)
    return found


def environment(env: Mapping[str, str], folder: Path, preflight_seconds: float) -> dict[str, str]:
    """Return variables for vLLM's processes, having written what they point to; none where users configure logging."""
    if CONFIG_VARIABLE in env or env.get("VLLM_CONFIGURE_LOGGING", "1") == "0":
        return {}
    config, file = folder / "tidegate-logging.json", folder / "tidegate-startup"
    try:
        config.write_text(json.dumps(_configuration(env)), encoding="utf-8")
        file.write_text(json.dumps({"preflight": preflight_seconds}) + "\n", encoding="utf-8")
    except OSError:
        return {}
    return {CONFIG_VARIABLE: str(config), FILE_VARIABLE: str(file), BEGAN_VARIABLE: str(time.time())}


def expose() -> None:
    """Let the server tell the parts on its page of metrics."""
    from prometheus_client import REGISTRY  # noqa: PLC0415 - of vLLM's environment, and not needed before

    path = os.environ.get(FILE_VARIABLE)
    if path:
        REGISTRY.register(_Collector(Path(path), float(os.environ.get(BEGAN_VARIABLE, "0"))))


class _Collector:
    def __init__(self, path: Path, began: float) -> None:
        self._path, self._began = path, began

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

        family = GaugeMetricFamily(
            STARTUP_METRIC, "How long a part of the worker's start took, in seconds.", labels=["phase"]
        )
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
            for name, seconds in read(lines, self._began).items():
                family.add_metric([name], seconds)
        except (OSError, ValueError):
            return
        yield family


def _configuration(env: Mapping[str, str]) -> dict[str, Any]:
    level = env.get("VLLM_LOGGING_LEVEL", "INFO").upper()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "vllm": {
                "()": "vllm.logging_utils.NewLineFormatter",
                "datefmt": "%m-%d %H:%M:%S",
                "format": f"{env.get('VLLM_LOGGING_PREFIX', '')}{_FORMAT}",
                "log_level": level,
            }
        },
        "handlers": {
            "vllm": {
                "class": "logging.StreamHandler",
                "formatter": "vllm",
                "level": level,
                "stream": env.get("VLLM_LOGGING_STREAM", "ext://sys.stdout"),
            },
            "startup": {"class": "tidegate_worker.phases.Recorder", "level": "INFO"},
        },
        "loggers": {"vllm": {"handlers": ["vllm", "startup"], "level": level, "propagate": False}},
    }
