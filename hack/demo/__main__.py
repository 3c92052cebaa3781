"""`python -m demo up|reload|engines|down`: the steps of the demo in their order, each with its time."""

from __future__ import annotations

import os
import sys
import time

from demo import ask, clusters, console, install, prometheus
from localcluster.errors import ClusterError
from localcluster.report import say


def up() -> None:
    """From nothing to an answer; a second run finds everything in place."""
    began = time.monotonic()
    cluster = clusters.chosen()
    cluster.begin()
    kubeconfig = cluster.up()
    install.use(kubeconfig)
    images = cluster.load()
    install.install_chart(images, prometheus.values(cluster))
    install.apply_quickstart(images)
    console.make_account()
    install.wait_ready()
    key = install.make_key()
    ask.ask_both_ways(key)
    # Last, because to build it takes minutes once, and nobody has to wait for it.
    prometheus.install(cluster)
    ask.main_screen(key, str(kubeconfig), install.service_line())
    sys.stdout.write(console.screen(console.address()))
    say(f"make demo took {time.monotonic() - began:.0f} s; make demo-down undoes it")


def reload() -> None:
    """Bring changed code of ours into the running demo: images, chart, and nothing else."""
    cluster = clusters.chosen()
    cluster.begin()
    install.use(cluster.up())
    install.install_chart(cluster.load(), prometheus.values(cluster))


def engines() -> None:
    """Bring a second engine and its model into the running demo's cluster, for examples/13-other-engines."""
    cluster = clusters.chosen()
    cluster.up()
    cluster.load_engines()


def down() -> None:
    """Undo `up`."""
    cluster = clusters.chosen()
    if os.environ.get("CLUSTER") == "current":
        install.use(cluster.up())
        install.uninstall()
    cluster.down()


COMMANDS = {"up": up, "reload": reload, "engines": engines, "down": down}


def main(argv: list[str]) -> int:
    """Run one command; errors are sentences, never tracebacks."""
    if len(argv) != 1 or argv[0] not in COMMANDS:
        say(f"usage: python -m demo {'|'.join(COMMANDS)}")
        return 2
    try:
        COMMANDS[argv[0]]()
    except ClusterError as error:
        say(f"error: {error}")
        return error.code
    except KeyboardInterrupt:
        say("interrupted; make demo goes on from here, make demo-down cleans up")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
