"""`make sbom`, `make audit`, `make chart`, and what a release asks first: python -m supply sbom|audit|chart|release."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from localcluster.errors import ClusterError
from localcluster.paths import CHECKOUT
from localcluster.report import say
from supply import audit, release, sbom

OUTPUT = CHECKOUT / "dist" / "sbom"


def main(argv: Sequence[str]) -> int:
    """Do what the one word says; return the exit status."""
    commands = {"sbom": list_parts, "audit": audit.main, "chart": release.package, "release": release.check}
    if len(argv) != 1 or argv[0] not in commands:
        say(f"error: say one of {', '.join(commands)}")
        return 2
    try:
        return commands[argv[0]]()
    except ClusterError as error:
        say(f"error: {error}")
        return error.code


def list_parts() -> int:
    """Write the lists of parts and say where."""
    for file in sbom.write(OUTPUT):
        say(str(file.relative_to(CHECKOUT)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
