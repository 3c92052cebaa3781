"""Whether words are flags that the pinned vLLM takes, and that users may set.

Owns the reading of an argument list as vLLM's own parser reads it. The flags come from a table generated from
that vLLM; must not import it.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Any

from tidegate_operator.forbidden import LOAD_FORMATS, why_not

ENGINE_VERSION = "0.32.0"
_NUMBER = re.compile(r"^-[0-9]*\.?[0-9]+$")


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag of the engine, under all its names; `takes` is none, one, optional or many values."""

    names: tuple[str, ...]
    takes: str
    choices: tuple[str, ...] | None
    type: str | None


@dataclass(frozen=True, slots=True)
class FlagTable:
    """All flags of one version of the engine, by each of their names."""

    version: str
    flags: Mapping[str, Flag]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one word."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class _Use:
    """One flag as written: at which index, under which name, with which values."""

    index: int
    name: str
    flag: Flag | None
    values: tuple[str, ...]
    inline: bool


@cache
def engine_table() -> FlagTable:
    """Return the table of the pinned vLLM."""
    file = resources.files("tidegate_api") / "engine" / f"vllm-{ENGINE_VERSION}.json"
    return read_table(json.loads(file.read_text(encoding="utf-8")))


def read_table(content: Mapping[str, Any]) -> FlagTable:
    """Return the table that a generated file holds."""
    flags: dict[str, Flag] = {}
    for entry in content["flags"]:
        choices = entry.get("choices")
        flag = Flag(
            names=tuple(entry["names"]),
            takes=entry["takes"],
            choices=None if choices is None else tuple(str(choice) for choice in choices),
            type=entry.get("type"),
        )
        flags.update(dict.fromkeys(flag.names, flag))
    if "--optimization-level" in flags:
        # vLLM rewrites -O3 before its parser sees it, so the generated table does not have the short form.
        flags.setdefault("-O", flags["--optimization-level"])
    return FlagTable(content["version"], flags)


def problems(words: Sequence[str], table: FlagTable, where: str) -> list[Problem]:
    """Return what is wrong with an argument list, in its order; `where` is its path for the messages."""
    found: list[Problem] = []
    for use in _uses(words, table):
        problem = _stray(use) or _refused(use) or _unknown(use, table) or _ill_valued(use)
        if problem is not None:
            found.append(Problem(problem.reason, f"{where}[{use.index}]: {problem.message}"))
    return found


def sets_any(words: Sequence[str], names: frozenset[str], table: FlagTable) -> bool:
    """Return whether an argument list sets one of these flags, under whichever name."""
    return any(use.flag is not None and names.intersection(use.flag.names) for use in _uses(words, table))


def is_on(words: Sequence[str], name: str, table: FlagTable) -> bool:
    """Return whether a flag without a value is set: the last one counts, `--no-…` takes it back."""
    found = [use.name for use in _uses(words, table) if use.flag is not None and name in use.flag.names]
    return bool(found) and not found[-1].startswith("--no-")


def value_of(words: Sequence[str], name: str, table: FlagTable) -> str | None:
    """Return the value that vLLM takes for a flag: the last one given, under whichever name; None where none is."""
    values = [
        use.values[0]
        for use in _uses(words, table)
        if use.flag is not None and name in use.flag.names and use.values and "." not in use.name
    ]
    return values[-1] if values else None


def _uses(words: Sequence[str], table: FlagTable) -> Iterator[_Use]:
    """Yield each flag with its values; a word that belongs to no flag comes with an empty name."""
    index = 0
    while index < len(words):
        if not _is_flag(words[index]):
            yield _Use(index, "", None, (words[index],), inline=False)
            index += 1
            continue
        name, inline = _split(words[index], table)
        flag = table.flags.get(name.partition(".")[0])
        values = (inline,) if inline is not None else _following(words[index + 1 :], flag, name)
        yield _Use(index, name, flag, values, inline=inline is not None)
        index += 1 if inline is not None else 1 + len(values)


def _following(rest: Sequence[str], flag: Flag | None, name: str) -> tuple[str, ...]:
    """Return the words after a flag that are its values."""
    values: list[str] = []
    for word in rest:
        if _is_flag(word):
            break
        values.append(word)
    # An unknown flag swallows what follows: whether it takes a value is not known, and one complaint is enough.
    takes = flag.takes if flag is not None else "many"
    if "." in name:
        takes = "one"
    return tuple(values[: {"none": 0, "one": 1, "optional": 1}.get(takes, len(values))])


def _is_flag(word: str) -> bool:
    return word.startswith("-") and len(word) > 1 and not _NUMBER.match(word)


def _split(word: str, table: FlagTable) -> tuple[str, str | None]:
    """Return a flag's name, spelt as in the table, and the value written into the same word."""
    name, equals, value = word.partition("=")
    if name.startswith("--"):
        # vLLM takes `--max_model_len`; below a dot stand the keys of a configuration, which keep theirs.
        head, dot, keys = name.partition(".")
        return head.replace("_", "-") + dot + keys, value if equals else None
    if name.partition(".")[0] not in table.flags and word[:2] in table.flags:
        return word[:2], word[2:].removeprefix("=")  # -O3
    return name, value if equals else None


def _stray(use: _Use) -> Problem | None:
    if use.name == "":
        word = use.values[0]
        return Problem(
            "InvalidValue",
            f"{_shown(word)} stands alone: no flag before it takes a value; write each flag and each value as a "
            "word of its own, or as --flag=value",
        )
    if use.name == "--":
        return Problem("InvalidValue", "'--' is not needed: write flags only")
    return None


def _refused(use: _Use) -> Problem | None:
    name = use.name.partition(".")[0]
    for known in use.flag.names if use.flag is not None else (name,):
        why = why_not(known)
        if why is not None:
            return Problem("ForbiddenFlag", f"{name} may not be set: {why}")
    if use.flag is not None and "--load-format" in use.flag.names:
        wrong = [value for value in use.values if value not in LOAD_FORMATS]
        if wrong:
            return Problem(
                "ForbiddenFlag",
                f"{name} may not be {_shown(wrong[0])}: only formats that neither fetch nor unpickle are "
                f"allowed ({', '.join(sorted(LOAD_FORMATS))})",
            )
    return None


def _unknown(use: _Use, table: FlagTable) -> Problem | None:
    if use.flag is not None:
        return None
    longer = sorted(name for name in table.flags if name.startswith(use.name))
    allowed = [name for name in table.flags if why_not(name) is None]
    if longer and len(use.name) > 2:
        if all(why_not(name) is not None for name in longer):
            why = why_not(longer[0])
            return Problem(
                "ForbiddenFlag", f"{use.name} is short for {longer[0]}, which may not be set: {why}"
            )
        return Problem("UnknownFlag", f"{use.name} is not a whole flag: write out {' or '.join(longer[:4])}")
    close = get_close_matches(use.name, allowed, n=1)
    hint = f"did you mean {close[0]}?" if close else "see `vllm serve --help` of that version"
    return Problem("UnknownFlag", f"vLLM {table.version} has no flag {use.name}: {hint}")


def _ill_valued(use: _Use) -> Problem | None:
    flag = use.flag
    if flag is None or "." in use.name:
        return None
    if flag.takes == "none":
        return Problem("InvalidValue", f"{use.name} takes no value: write it alone") if use.values else None
    if not use.values and flag.takes in ("one", "many"):
        return Problem("InvalidValue", f"{use.name} needs a value: add it as the next word")
    for value in use.values:
        wrong = _wrong_value(flag, value)
        if wrong is not None:
            return Problem("InvalidValue", f"{use.name} {wrong}, not {_shown(value)}")
    return None


def _wrong_value(flag: Flag, value: str) -> str | None:
    if flag.choices is not None and value not in flag.choices:
        return f"takes one of {', '.join(flag.choices)}"
    if flag.type == "int" and not _reads_as(int, value):
        return "takes a whole number"
    if flag.type == "json" and value.startswith(("{", "[")) and not _reads_as(json.loads, value):
        return "takes JSON"
    if flag.type == "float" and not _reads_as(float, value):
        return "takes a number"
    return None


def _reads_as(read: Callable[[str], object], value: str) -> bool:
    try:
        read(value)
    except ValueError:
        return False
    return True


def _shown(value: str) -> str:
    return repr(value if len(value) <= 60 else value[:57] + "…")
