"""Why a request is not taken, raised where it asks for a place."""


class NoWorker(Exception):
    """No pool of the service has a worker."""


class Overloaded(Exception):
    """As many requests of its class wait as may."""

    def __init__(self, retry_after_seconds: int, waiting: int) -> None:
        super().__init__(f"{waiting} requests wait, try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds
        self.waiting = waiting
