"""`python -m tidegate_loader load|inspect|remove`: one step of a model's life in a cache, then the process ends.

Owns the command line, exit codes and last words. Must not hold a step of its own.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Final

from tidegate_api.names import LOADER_PORT, TERMINATION_MESSAGE_PATH
from tidegate_loader.cache import Cache
from tidegate_loader.failure import LoadFailed
from tidegate_loader.fetching import Patience
from tidegate_loader.inspection import inspect
from tidegate_loader.load import PATIENCE, Loader, Wish
from tidegate_loader.names import is_model_path, parse
from tidegate_loader.report import Report, secrets_of
from tidegate_loader.sources import source_of
from tidegate_loader.telling import Tracker, answering

# How long a removal waits for a loader of the same model.
REMOVAL_SECONDS: Final = 60.0


def options_of(words: Sequence[str]) -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(prog="tidegate_loader", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    load_ = commands.add_parser("load", allow_abbrev=False, help="bring a model into the cache")
    load_.add_argument("--uri", required=True, help="hf://ORG/NAME or ms://ORG/NAME")
    load_.add_argument("--revision", help="branch, tag or commit; default: the hub's own")
    load_.add_argument("--adapter", action="store_true", help="it is a LoRA adapter, not a model")
    load_.add_argument("--cache", type=Path, required=True, help="root of the cache")
    load_.add_argument("--in-use", action="append", default=[], metavar="PATH", help="model that must stay")
    load_.add_argument(
        "--limit-bytes", type=int, help="most bytes of all models; default: what the volume holds"
    )
    load_.add_argument("--offline", action="store_true", help="take the model from the cache only")
    load_.add_argument("--verify", action="store_true", help="check a complete model by its hashes")
    load_.add_argument(
        "--port", type=int, default=LOADER_PORT, help="where progress is told; 0 takes a free one"
    )
    inspect_ = commands.add_parser("inspect", allow_abbrev=False, help="tell the size and shape of a model")
    inspect_.add_argument("--path", type=Path, required=True, help="directory with config.json and weights")
    remove_ = commands.add_parser("remove", allow_abbrev=False, help="remove a model from the cache")
    remove_.add_argument("--cache", type=Path, required=True, help="root of the cache")
    remove_.add_argument("--path", required=True, help="SCHEME/ORG--NAME/COMMIT, inside it")
    for command in (load_, inspect_, remove_):
        command.add_argument("--termination-message", type=Path, default=Path(TERMINATION_MESSAGE_PATH))
    return parser.parse_args(words)


def load(options: argparse.Namespace, report: Report, patience: Patience = PATIENCE) -> int:
    """Bring a model into the cache; return the exit code."""
    evicted: list[str] = []
    try:
        model = parse(options.uri)
        source = source_of(model, os.environ)
        revision = options.revision or source.default_revision
        wish = Wish(
            model,
            revision,
            frozenset(options.in_use),
            options.limit_bytes,
            options.offline,
            options.verify,
            "Adapter" if options.adapter else "Model",
        )
        tracker = Tracker()
        with ExitStack() as stack:
            listen(stack, tracker, options.port, report)
            loader = Loader(Cache(options.cache), source, tracker, report.say, patience, evicted)
            report.result(loader.load(wish))
    except LoadFailed as failed:
        report.failure(failed, evicted)
        return failed.exit_code
    return 0


def listen(stack: ExitStack, tracker: Tracker, port: int, report: Report) -> None:
    """Tell progress; a port that is taken is no reason to load nothing."""
    try:
        report.say("telling progress", port=stack.enter_context(answering(tracker, port)))
    except OSError as error:
        report.say("cannot tell progress", port=port, error=error.strerror)


def remove(options: argparse.Namespace, report: Report) -> int:
    """Remove a model from the cache; return the exit code."""
    try:
        if not is_model_path(options.path):
            raise LoadFailed(
                "ModelNotFound", f"{options.path!r:.300} is no model: name SCHEME/ORG--NAME/COMMIT."
            )
        cache = Cache(options.cache)
        cache.prepare()
        with cache.locked(options.path.rpartition("/")[0], patience=REMOVAL_SECONDS) as free:
            if not free:
                raise LoadFailed(
                    "LoaderFailed", f"{options.path} is being loaded. Suspend its download first."
                )
            report.result({"path": options.path, "bytes": cache.remove(options.path)})
    except LoadFailed as failed:
        report.failure(failed)
        return failed.exit_code
    except OSError as error:
        unusable = LoadFailed(
            "CacheUnavailable", f"{options.cache} cannot be used: {error.strerror or error}."
        )
        report.failure(unusable)
        return unusable.exit_code
    return 0


def look(options: argparse.Namespace, report: Report) -> int:
    """Tell the size and shape of a model; return the exit code."""
    try:
        report.result(inspect(options.path))
    except LoadFailed as failed:
        report.failure(failed)
        return failed.exit_code
    return 0


COMMANDS: Final[Mapping[str, Callable[[argparse.Namespace, Report], int]]] = {
    "load": load,
    "inspect": look,
    "remove": remove,
}


def leave(_signum: int, _frame: FrameType | None) -> None:
    """End at once: what has come so far stays, and the next one goes on from there."""
    os._exit(128 + signal.SIGTERM)


def main() -> int:
    """Run one command; what nobody expected is told in a sentence as well."""
    # The first process of a container has no handler of its own, and the kernel drops what it does not handle.
    signal.signal(signal.SIGTERM, leave)
    options = options_of(sys.argv[1:])
    report = Report(options.termination_message, secrets_of(os.environ))
    try:
        return COMMANDS[options.command](options, report)
    except Exception as error:
        failed = LoadFailed(
            "LoaderFailed", f"the loader ended unexpectedly: {type(error).__name__}: {error!s:.500}"
        )
        report.failure(failed)
        return failed.exit_code


if __name__ == "__main__":
    sys.exit(main())
