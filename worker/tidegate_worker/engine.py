"""vLLM's server as the first process of its container.

Owns the seconds in which vLLM is imported and has no signal handler yet: the kernel drops signals that the first
process does not handle, and a Pod deleted just then would stay for its whole grace period. Must not decide anything.
"""

import os
import runpy
import signal
import sys
from types import FrameType

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
    runpy.run_module(SERVER, run_name="__main__")


if __name__ == "__main__":
    main()
