"""The Kubernetes client as all commands use it: it waits for nobody for ever, and says nothing by itself.

Owns deadlines and retries. Must not know what is asked.
"""

import logging
from typing import Any, Final

import urllib3
from kubernetes import client

# To connect, and between two parts of an answer.
TIMEOUT_SECONDS: Final = (5, 30)
# A shell that completes a name waits for no longer.
HASTY_SECONDS: Final = (0.7, 1.5)


def configured() -> Any:
    """Return an empty configuration of the client."""
    configuration = client.Configuration()
    # One more try after a broken connection, none for one that is not made: who waits wants to know.
    configuration.retries = urllib3.Retry(total=1, connect=0, redirect=0)
    # What it warns of is said in the sentence that the command ends with.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    return configuration


def api_client(timeout: tuple[float, float] = TIMEOUT_SECONDS) -> Any:
    """Return a client of the cluster that was chosen, whose every call has a deadline."""
    made = client.ApiClient()
    # The path that a Pod is asked for is one with slashes.
    made.configuration.safe_chars_for_path_param = "/"
    request = made.rest_client.request

    def in_time(*args: Any, _request_timeout: Any = None, **more: Any) -> Any:
        return request(*args, _request_timeout=_request_timeout or timeout, **more)

    made.rest_client.request = in_time
    return made
