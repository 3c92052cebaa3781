"""Workers that fail again and again, and for how long they are left alone.

Owns the ejection of an endpoint and its return. Must not judge what a failure is: the caller does.
"""

from collections.abc import Sequence
from typing import Final

from tidegate_gateway.routing.endpoint import Endpoint

# Failures in a row that eject; the first ejection, and the longest.
FAILURES: Final = 3
FIRST_SECONDS: Final = 5.0
LONGEST_SECONDS: Final = 300.0


def failed(endpoint: Endpoint, now: float) -> None:
    """Note a failure. The third in a row ejects for 5 s; each further one for twice as long, up to 5 minutes.

    Failures of requests that were sent before the ejection do not prolong it.
    """
    if endpoint.ejected_until > now:
        return
    if not endpoint.failures:
        endpoint.excused = endpoint.requests
    endpoint.failures += 1
    beyond = endpoint.failures - FAILURES
    if beyond >= 0:
        # 2 ** 6 * 5 s is more than the longest.
        endpoint.ejected_until = now + min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(beyond, 6))
        endpoint.weigh_again = 0.0


def excuse(endpoint: Endpoint) -> bool:
    """Tell whether a request that this endpoint failed may be sent to another at no charge, and count it.

    A worker that was good until now takes all its requests down with it at once, however many: that is no failing
    service, which the budget of retries is for.
    """
    if endpoint.excused == 0:
        return False
    endpoint.excused -= 1
    return True


def succeeded(endpoint: Endpoint) -> None:
    """Note an answer: the endpoint is as good as any."""
    if endpoint.failures:
        endpoint.failures = 0
        endpoint.ejected_until = 0.0
        endpoint.weigh_again = 0.0


def available(endpoints: Sequence[Endpoint], now: float) -> Sequence[Endpoint]:
    """Return the endpoints that are not ejected, or all if that would be none: a bad worker is better than none."""
    for endpoint in endpoints:
        if endpoint.ejected_until > now:
            return [e for e in endpoints if e.ejected_until <= now] or endpoints
    return endpoints
