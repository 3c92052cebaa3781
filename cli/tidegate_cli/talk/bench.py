"""`tidegate bench`: how quick a model answers under load.

Owns the command and its exit codes. Must not compare: it says what it measured, and over which way.
"""

import random
import sys
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from tidegate_cli.shell.failing import FAILED, INTERRUPTED
from tidegate_cli.shell.options import GatewayNamespace, Namespace, on_cluster
from tidegate_cli.shell.output import Format, Output, print_json, print_lines
from tidegate_cli.shell.telling import told
from tidegate_cli.talk.asking import Answer, ask
from tidegate_cli.talk.benchlines import lines
from tidegate_cli.talk.loading import MOST_AT_A_TIME, Outcome, closed, due_seconds, opened, prompt
from tidegate_cli.talk.measures import Load, summary
from tidegate_cli.talk.options import Key, ModelName, Url, found
from tidegate_cli.talk.way import Way


@on_cluster
def bench(
    model: ModelName,
    *,
    requests: Annotated[int, typer.Option(min=1, max=100_000, help="How many requests.")] = 50,
    concurrency: Annotated[
        int, typer.Option(min=1, max=MOST_AT_A_TIME, help="Requests at a time (a closed loop).")
    ] = 4,
    rate: Annotated[
        float | None,
        typer.Option(min=0.001, help="Requests a second, at random moments (an open loop), instead of that."),
    ] = None,
    prompt_tokens: Annotated[int, typer.Option(min=1, max=100_000, help="Words of each prompt.")] = 128,
    output_tokens: Annotated[int, typer.Option(min=1, max=100_000, help="Tokens of each answer.")] = 64,
    natural_end: Annotated[
        bool,
        typer.Option("--natural-end", help="Let answers end where the model ends them (no `ignore_eos`)."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Of prompts and moments.")] = 0,
    url: Url = None,
    key: Key = None,
    namespace: Namespace = None,
    gateway_namespace: GatewayNamespace = None,
    output: Output = Format.TEXT,
) -> None:
    """Measure how quick a model answers under load.

    Streamed chat completions, after one that does not count. Every prompt is of other random words, so no cache of
    prefixes helps. Measured here, at the client: from the request (in an open loop from when it was due) to the first
    text; between parts of text, which engines send token by token; to the end. Tokens are those that the engine counts.
    A request over a connection of its own.

    Exits with 1 if a request fails.
    """
    rng = random.Random(seed)  # noqa: S311 - words and moments, no secret
    with told():
        way, sent = found(model, url, namespace, gateway_namespace)
        bodies = [
            _body(sent, prompt(prompt_tokens, rng), output_tokens, natural_end) for _ in range(requests + 1)
        ]
        for _ in ask(way, key, bodies.pop(), Answer(time.perf_counter())):
            pass
    due = None if rate is None else due_seconds(requests, rate, rng)
    outcome, load = _measured(way, key, bodies, concurrency, due)
    how = f"{concurrency} at a time" if rate is None else f"{rate:g} a second"
    result = {
        "how": f"{requests} requests, {how}, {prompt_tokens} words in, at most {output_tokens} tokens out, of {sent}",
        "way": way.words,
        "forwarded": way.is_forwarded,
        **summary(outcome.answers, load),
        "errors": sorted(set(outcome.errors))[:5],
    }
    print_json(result) if output is Format.JSON else print_lines(lines(result))
    if outcome.errors:
        raise typer.Exit(FAILED)


def _measured(
    way: Way, key: str | None, bodies: list[Any], at_a_time: int, due: list[float] | None
) -> tuple[Outcome, Load]:
    """Ask all questions; return the answers, and what asking took of time and of this process."""
    requests, began, busy = len(bodies), time.perf_counter(), time.process_time()
    try:
        outcome = _run(way, key, bodies, at_a_time, due)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    seconds = time.perf_counter() - began
    spent = (time.process_time() - busy) / seconds
    return outcome, Load(requests, len(outcome.errors), seconds, spent)


def _run(way: Way, key: str | None, bodies: list[Any], at_a_time: int, due: list[float] | None) -> Outcome:
    """Ask all questions, with a bar for how many have been answered, where somebody sees it."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("asked", total=len(bodies))

        def told() -> None:
            bar.advance(task)

        if due is None:
            return closed(way, key, bodies, at_a_time, told)
        return opened(way, key, bodies, due, told)


def _body(model: str, words: str, tokens: int, natural_end: bool) -> dict[str, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": words}], "max_tokens": tokens}
    # vLLM's own: every answer is then as long as was asked for.
    return body if natural_end else {**body, "ignore_eos": True}
