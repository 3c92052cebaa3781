"""The reference page of the command line: every command as its own help has it.

Owns the Markdown. Must not add a word about a command: its docstring and its options say all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from typer.core import TyperOption
from typer.main import get_command

from generators.reference import page, table
from tidegate_cli.__main__ import app
from tidegate_cli.shell.failing import EXIT_CODES

SOURCE: Final = "cli/tidegate_cli"
INTRO: Final = """`tidegate`, which is also `kubectl tidegate`, acts with the rights of its user: those of the
kubeconfig, or of the service account of the Pod that it runs in. It takes `-n`, `--context`, `--kubeconfig` and
`KUBECONFIG` as kubectl does. [How to use it](../how-to/command-line.md) shows it at work.

Results go to standard output, all else to standard error. With `-o json` standard output is JSON and nothing else. On a
terminal states are coloured, unless `NO_COLOR` is set. What goes wrong is one sentence: what, where, and what to do."""
# Of every command; shown once.
_COMMON: Final = ("--help",)


def command_line_page() -> str:
    """Return the page."""
    root: Any = get_command(app)
    root.name = "tidegate"
    codes = table(("Exit code", "Means"), iter((f"`{code}`", words) for code, words in EXIT_CODES.items()))
    parts = [f"## Exit codes\n\n{codes}", *_commands(root, "tidegate", None)]
    return page("The command line", SOURCE, INTRO, "\n\n".join(parts))


def _commands(group: Any, path: str, parent: Any) -> Iterator[str]:
    """Yield a section for each command below a group, in the order of its list."""
    context = group.make_context(path, [], parent=parent, resilient_parsing=True)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        whole = f"{path} {name}"
        if hasattr(found, "list_commands"):
            yield f"## {whole}\n\n{found.help}"
            yield from _commands(found, whole, context)
        else:
            level = "##" if parent is None else "###"
            yield "\n\n".join([f"{level} {whole}", *_command(found, whole)])


def _command(command: Any, path: str) -> Iterator[str]:
    yield command.help
    arguments = [one for one in command.params if not isinstance(one, TyperOption)]
    options = [one for one in command.params if one not in arguments and one.opts[0] not in _COMMON]
    words = [_usage(one) for one in arguments]
    yield f"```\n{' '.join([path, *words, *(['[OPTIONS]'] if options else [])])}\n```"
    if command.epilog:
        lines = [line.strip("`") for line in command.epilog.split("\n\n")[1:]]
        yield "For example:\n\n```bash\n" + "\n".join(lines) + "\n```"
    rows = [(f"`{_name(one)}`", one.help or "", "") for one in arguments]
    rows += [(f"`{_flags(one)}`", _meaning(one), _default(one)) for one in options]
    if rows:
        yield table(("Argument", "Meaning", "Default"), iter(rows))


def _usage(argument: Any) -> str:
    return _name(argument) if argument.required else f"[{_name(argument)}]"


def _name(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _flags(option: Any) -> str:
    """Return an option with its short form and what it takes."""
    flags = ", ".join([*option.opts, *option.secondary_opts])
    return flags if option.is_flag else f"{flags} {option.metavar or _taken(option)}"


def _taken(option: Any) -> str:
    choices = option.type_descriptor.choices
    if choices:
        return "|".join(str(getattr(one, "value", one)) for one in choices)
    return {"int": "NUMBER", "float": "NUMBER"}.get(option.bare_type(), "TEXT")


def _meaning(option: Any) -> str:
    variable = option.envvar
    return f"{option.help} Environment: `{variable}`." if variable else str(option.help)


def _default(option: Any) -> str:
    value = getattr(option.default, "value", option.default)
    if option.required:
        return "required"
    return "" if value in (None, False, "") or option.is_flag else f"`{value}`"
