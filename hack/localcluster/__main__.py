"""``python -m localcluster``: the local cluster for people. Parses and prints; the work is done elsewhere."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from localcluster import cluster, controlplane, images, tools
from localcluster.errors import EXIT_FAILED, ClusterError
from localcluster.paths import layout
from localcluster.report import say

PASSED_ON = ("kubectl", "helm")


def _up(_: argparse.Namespace) -> int:
    cluster.up()
    return 0


def _down(_: argparse.Namespace) -> int:
    cluster.down()
    return 0


def _status(_: argparse.Namespace) -> int:
    daemons = cluster.status()
    for name, alive in daemons:
        print(f"{name:26}{'running' if alive else 'stopped'}")
    return 0 if all(alive for _, alive in daemons) else EXIT_FAILED


def _kubeconfig(_: argparse.Namespace) -> int:
    print(layout().kubeconfig)
    return 0 if layout().kubeconfig.exists() else EXIT_FAILED


def _tools(options: argparse.Namespace) -> int:
    for name in options.names:
        print(tools.tool(name))
    return 0


def _controlplane(options: argparse.Namespace) -> int:
    if options.action == "up":
        print(controlplane.up())
    else:
        controlplane.down()
    return 0


def _images(options: argparse.Namespace) -> int:
    if options.action == "clear":
        images.clear()
        return 0
    refs = images.build(options.targets) if options.targets else images.tags()
    for target, ref in (images.load(refs) if cluster.is_up() else refs).items():
        print(f"{target} {ref}")
    return 0


def _become(name: str, arguments: Sequence[str]) -> NoReturn:
    """Run a program in our place, with the cluster's kubeconfig."""
    program = str(tools.tool(name))
    environment = {**os.environ, "KUBECONFIG": str(layout().kubeconfig)}
    os.execve(program, [name, *arguments], environment)  # noqa: S606 - an argv list, never a shell


def parser() -> argparse.ArgumentParser:
    """Every command with one line of help."""
    main = argparse.ArgumentParser(
        prog="python -m localcluster", description="A real Kubernetes without Docker."
    )
    commands = main.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, does: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(does=does)
        return command

    add("up", _up, "start the cluster, or what of it is missing")
    add("down", _down, "stop it and remove everything but the cache")
    add("status", _status, "which of its programs run")
    add("kubeconfig", _kubeconfig, "print the path of the kubeconfig")
    for name in PASSED_ON:
        add(name, _status, f"{name} against the cluster; all that follows is {name}'s")
    plane = add("controlplane", _controlplane, "only the API, without a node: up prints its kubeconfig")
    plane.add_argument("action", choices=("up", "down"))
    built = add("images", _images, "build images, load them into the cluster, print their references")
    built.add_argument("action", choices=("build", "clear"))
    built.add_argument("targets", nargs="*", help="targets of the Dockerfile; none: those built last")
    named = add("tool", _tools, "print the path of a tool, built first where needed (kubectl, helm, kwok …)")
    named.add_argument("names", nargs="+")
    return main


def main(arguments: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words and words[0] in PASSED_ON:
            _become(words[0], words[1:])
        options = parser().parse_args(words)
        return int(options.does(options))
    except ClusterError as error:
        say(f"error: {error}")
        return error.code
    except KeyboardInterrupt:
        say("interrupted; run the same command again to go on")
        return 130


if __name__ == "__main__":
    sys.exit(main())
