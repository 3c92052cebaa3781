"""The one error of this package: what went wrong and what to do about it. Knows nothing else."""

from __future__ import annotations

EXIT_FAILED = 1
EXIT_UNSUPPORTED = 2


class ClusterError(Exception):
    """Shown to people as it is: a sentence for the cause, a sentence for the way out."""

    def __init__(self, what: str, remedy: str = "", code: int = EXIT_FAILED) -> None:
        super().__init__(what if not remedy else f"{what}\n  what to do: {remedy}")
        self.code = code


def unsupported(what: str) -> ClusterError:
    """This machine cannot run the local cluster; name the other ways."""
    return ClusterError(
        what,
        "run as root on a Linux machine that may create namespaces, or use CLUSTER=kind (needs Docker) "
        "or CLUSTER=current (your own kubeconfig)",
        EXIT_UNSUPPORTED,
    )
