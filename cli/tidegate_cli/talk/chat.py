"""`tidegate chat`: a conversation with a model, or one question.

Owns the command and its exit codes. Must not print the key.
"""

import sys
import time
from collections.abc import Iterator
from typing import Annotated

import typer

from tidegate_cli.shell.failing import INTERRUPTED, MISUSED, Failed
from tidegate_cli.shell.options import GatewayNamespace, Namespace, on_cluster
from tidegate_cli.shell.output import Format, Output, print_json
from tidegate_cli.shell.telling import told
from tidegate_cli.talk.asking import Answer, ask
from tidegate_cli.talk.conversation import Message, show, talk
from tidegate_cli.talk.measures import figures, line
from tidegate_cli.talk.options import Key, ModelName, Url, found


@on_cluster
def chat(
    model: ModelName,
    question: Annotated[
        str | None, typer.Argument(help="One question. Default: standard input, or a conversation.")
    ] = None,
    *,
    system: Annotated[str | None, typer.Option(help="What the model is told before all else.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="The most tokens of an answer.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0, max=2, help="How freely it chooses.")] = None,
    url: Url = None,
    key: Key = None,
    namespace: Namespace = None,
    gateway_namespace: GatewayNamespace = None,
    output: Output = Format.TEXT,
) -> None:
    """Talk to a model, and see how quick it is.

    Under each answer stand the time to its first token, how quickly the others came, and how many tokens it was. A
    question that is an argument, or comes through a pipe, is answered once; without one there is a conversation, in
    which Ctrl-C stops an answer and not the chat. The answer is standard output, all else standard error.
    """
    with told():
        way, sent = found(model, url, namespace, gateway_namespace)
    once = question if question is not None else None if sys.stdin.isatty() else sys.stdin.read()
    if once is not None and not once.strip():
        raise Failed("there is no question: give one as an argument, or on standard input", MISUSED)
    if once is None and output is Format.JSON:
        raise Failed("-o json is for one question: give it as an argument, or on standard input", MISUSED)
    settings = {"max_tokens": max_tokens, "temperature": temperature}
    body = {"model": sent, **{name: value for name, value in settings.items() if value is not None}}

    def asked(messages: list[Message], answer: Answer) -> Iterator[str]:
        return ask(way, key, {**body, "messages": messages}, answer)

    messages = [{"role": "system", "content": system}] if system else []
    if once is None:
        typer.echo(f"{sent} at {way.words}", err=True)
        talk(asked, messages)
        return
    messages.append({"role": "user", "content": once})
    answer = Answer(time.perf_counter())
    try:
        with told():
            if output is Format.JSON:
                text = "".join(asked(messages, answer))
                print_json({"model": sent, "answer": text, **figures(answer)})
                return
            show(asked(messages, answer))
    except KeyboardInterrupt:
        typer.echo("\n[stopped]", err=True)
        raise typer.Exit(INTERRUPTED) from None
    typer.echo("")
    typer.echo(f"[{line(answer)}]", err=True)
