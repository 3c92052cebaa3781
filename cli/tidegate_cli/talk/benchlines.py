"""What a load came to, as lines for a terminal. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tidegate_cli.shell.output import columns

Json = Mapping[str, Any]
_ROWS: Final = (
    ("firstTokenSeconds", "time to first token, ms", 1000),
    ("interTokenSeconds", "between tokens, ms", 1000),
    ("requestSeconds", "whole request, ms", 1000),
    ("tokensPerSecondOfARequest", "tok/s of a request", 1),
)
_BUSY: Final = 0.8


def lines(result: Json) -> Iterator[str]:
    """Yield the figures of a load, and what to make of them."""
    yield f"{result['how']}; {result['way']}"
    head = ("", "MEAN", "P50", "P90", "P99", "MAX")
    rows = [(words, *_cells(result[name], factor)) for name, words, factor in _ROWS]
    yield from columns([head, *rows])
    yield (
        f"{result['requests'] - result['failed']} of {result['requests']} answered in {result['seconds']:.1f} s: "
        f"{_number(result['requestsPerSecond'])} requests/s, {_number(result['outputTokensPerSecond'])} tok/s; "
        f"{result['promptTokens']} prompt and {result['completionTokens']} completion tokens"
    )
    for error in result["errors"]:
        yield f"failed: {error}"
    if result["clientCpuRatio"] > _BUSY:
        yield f"This command was busy itself ({result['clientCpuRatio']:.0%} of a processor): times are too long."
    if result["forwarded"]:
        yield "Times hold the way through the API server's port-forward: for figures to rely on use --url."


def _cells(found: Json | None, factor: float) -> tuple[str, ...]:
    if found is None:
        return ("-",) * 5
    return tuple(_number(found[name] * factor) for name in ("mean", "p50", "p90", "p99", "max"))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.1f}"
