"""A conversation at a terminal: questions in, answers as they come, what each took.

Owns what Ctrl-C and Ctrl-D do. Must not know how an answer is brought.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import typer

from tidegate_cli.talk.asking import Answer
from tidegate_cli.talk.measures import line
from tidegate_models.errors import ModelsError

with contextlib.suppress(ImportError):
    # From then on `input` edits its line, and remembers those before it.
    import readline  # noqa: F401

Message = dict[str, str]
# Yields an answer's text, and fills the answer meanwhile.
Ask = Callable[[list[Message], Answer], Iterator[str]]
HELP: Final = "Ctrl-C stops an answer, Ctrl-D or /exit ends the chat, /new forgets what was said."


def talk(ask: Ask, messages: list[Message], read: Callable[[str], str] = input) -> None:
    """Hold a conversation until its user ends it; what is refused is said, and the conversation goes on."""
    first = list(messages)
    typer.echo(HELP, err=True)
    while True:
        try:
            said = read("> ").strip()
        except EOFError:
            typer.echo("", err=True)
            return
        except KeyboardInterrupt:
            typer.echo(f"\n{HELP}", err=True)
            continue
        if said == "/exit":
            return
        if said == "/new":
            messages[:] = first
        elif said:
            turn(ask, messages, said)


def turn(ask: Ask, messages: list[Message], said: str) -> None:
    """Ask one question of a conversation; an answer that was stopped is remembered as far as it came."""
    messages.append({"role": "user", "content": said})
    answer = Answer(time.perf_counter())
    try:
        show(ask(messages, answer))
        note = line(answer)
    except KeyboardInterrupt:
        note = "stopped"
    except ModelsError as error:
        messages.pop()
        typer.echo(f"\nError: {error}", err=True)
        return
    typer.echo(f"\n[{note}]\n", err=True)
    messages.append({"role": "assistant", "content": "".join(answer.text)})


def show(parts: Iterator[str]) -> None:
    """Print an answer as it comes; what is left of it when it is not wanted any more is not waited for."""
    shown: Any = parts
    try:
        for part in parts:
            sys.stdout.write(part)
            sys.stdout.flush()
    finally:
        shown.close()
