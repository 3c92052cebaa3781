"""Waiting for a service, with somebody in front of it: what is shown meanwhile, how it ends, what Ctrl-C does.

Owns the exit codes of waiting. Must not change anything.
"""

import time
from typing import Any

import typer

from tidegate_cli.deploy import words
from tidegate_cli.deploy.following import follow
from tidegate_cli.deploy.showing import shown
from tidegate_cli.shell.failing import INTERRUPTED, Failed
from tidegate_cli.shell.kube import Kube
from tidegate_cli.talk.asking import Answer, ask
from tidegate_cli.talk.measures import line
from tidegate_cli.talk.way import by_cluster
from tidegate_models.errors import ModelsError

Json = dict[str, Any]


def waited(kube: Kube, name: str, seconds: int) -> Json:
    """Follow a service to where it answers; end the command where it does not."""
    last: Json = {}
    began = time.monotonic()
    try:
        with shown() as show:
            for last in follow(kube, name, seconds):
                show(last)
    except KeyboardInterrupt:
        typer.echo(f"\nIt comes all the same: tidegate status {name} -n {kube.namespace}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    if words.is_ready(last):
        ready = last["status"].get("ready", "")
        typer.echo(
            f"LLMService {kube.namespace}/{name} answers after {time.monotonic() - began:.0f} s: {ready} workers.",
            err=True,
        )
        return last
    how = "has failed" if words.has_failed(last) else f"does not answer after {seconds} s"
    raise Failed(f"LLMService {kube.namespace}/{name} {how}: {words.why_not(last) or words.progress(last)}")


def first_answer(kube: Kube, service: Json, key: str) -> str:
    """Ask a service that is Ready for a few tokens; return what came of it, as a sentence."""
    model = service["status"].get("modelName") or service["metadata"]["name"]
    question = {"model": model, "max_tokens": 8, "messages": [{"role": "user", "content": "Say hello."}]}
    answer = Answer(time.perf_counter())
    try:
        for _ in ask(by_cluster(kube, None), key, question, answer):
            pass
    except ModelsError as error:
        # A model need not be one that chats, nor the key one for it.
        return f"Asked to say hello, it has not: {error}"
    return f"Asked to say hello, it has: {line(answer)}."
