"""`python -m tidegate_operator run`: the operator's process. `crd`: print the custom resource definitions.

Owns the command line and the exit code. Must not import kopf or a Kubernetes client for anything but `run`.
"""

import asyncio
import sys

import structlog

from tidegate_api import __main__ as contract


def main(arguments: list[str]) -> int:
    """Do what the command line says; return the exit code."""
    match arguments:
        case ["run"]:
            return _run()
        case ["crd"]:
            return contract.main(["crd"])
        case _:
            print("usage: python -m tidegate_operator run|crd", file=sys.stderr)
            return 2


def _run() -> int:
    from tidegate_operator import logs, runtime  # noqa: PLC0415 - see the module's docstring
    from tidegate_operator.environment import BadEnvironment, Environment  # noqa: PLC0415

    try:
        environment = Environment.read()
        logs.configure(environment.log_level)
        asyncio.run(runtime.run(environment))
    except BadEnvironment as error:
        print(error, file=sys.stderr)
        return 2
    except Exception as error:
        structlog.get_logger(__name__).critical("the operator has to end", exc_info=error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
