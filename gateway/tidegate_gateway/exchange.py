"""The life of one request: a worker, the answer, and at most one retry.

Owns the order of these steps and what happens when one fails. After the first byte of an answer nothing is ever
sent again: a second worker would answer differently. Must not know how clients are spoken to (`Outlet`) or who goes
first (`qos`).
"""

from asyncio import Task
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from tidegate_gateway import answer, errors
from tidegate_gateway.answer import AnswerHead
from tidegate_gateway.body import check_model_name, read_call
from tidegate_gateway.directory import Caller, Model, Worker
from tidegate_gateway.errors import Problem, refuse
from tidegate_gateway.outlet import Outlet
from tidegate_gateway.pick import pick
from tidegate_gateway.request import Head
from tidegate_gateway.upstream import WorkerConnection

if TYPE_CHECKING:
    from tidegate_gateway.gateway import Gateway

ATTEMPTS: Final = 2
CLIENT_GONE: Final = 499
# A worker that answers so while it is being stopped has not begun the request.
DRAINING: Final = frozenset({500, 503})


class Exchange:
    """One request to a worker, on its way through."""

    # As long as nothing has happened. Set on the class, since most requests change few of them.
    _attempts = 0
    _active = False
    _answer: AnswerHead | None = None
    _connecting: Task[None] | None = None
    _connection: WorkerConnection | None = None
    _counted = False
    _failed: frozenset[str] = frozenset()
    _relaying = False
    _status = 0
    _worker: Worker

    def __init__(self, gateway: "Gateway", outlet: Outlet, head: Head, caller: Caller, body: bytes) -> None:
        self._gateway = gateway
        self._outlet = outlet
        self._head = head
        self._caller = caller
        self._call = read_call(body, caller.engine_priority)
        self._model = _find_model(gateway, caller, self._call.model)
        self._started = gateway.loop.time()
        self._deadline = self._started + gateway.settings.limits.stall_seconds

    # Sending

    def start(self) -> None:
        """Send the request to a worker; raise Refused if there is none."""
        self._gateway.retries.note_request()
        worker = self._pick()
        if worker is None:
            refuse(errors.no_ready_worker(self._model.name))
        self._attempt(worker)

    def _pick(self) -> Worker | None:
        gateway = self._gateway
        workers = gateway.directory.workers.get((self._model.namespace, self._model.service), ())
        return pick(workers, gateway.loads, self._failed, gateway.rng)

    def _attempt(self, worker: Worker) -> None:
        gateway = self._gateway
        self._attempts += 1
        self._worker = worker
        self._counted = True
        gateway.loads.acquire(worker)
        connection = gateway.pool.take(worker)
        if connection is None:
            self._connecting = gateway.pool.connect(worker, self)
        else:
            self._send(connection)

    def on_connected(self, connection: WorkerConnection) -> None:
        """Use the new connection."""
        self._connecting = None
        self._send(connection)

    def _send(self, connection: WorkerConnection) -> None:
        self._connection = connection
        head, call, worker = self._head, self._call, connection.worker
        lines = (
            b"POST %b HTTP/1.1\r\nhost: %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
            b"x-request-id: %b\r\n%b\r\n"
            % (
                head.path,
                _authority(worker.host, worker.port),
                call.length,
                head.request_id.encode(),
                head.forwarded,
            )
        )
        connection.send(self, [lines, *call.pieces])
        if self._outlet.is_paused:
            connection.pause()

    # Failing

    def on_refused(self) -> None:
        """Try another worker: this one cannot be reached."""
        self._connecting = None
        self._retry("refused", errors.no_ready_worker(self._model.name))

    def on_lost(self, answered: bool, clean: bool) -> None:
        """Try another worker, or tell the client that the rest will not come."""
        connection, self._connection = self._connection, None
        head = self._answer
        if clean and head is not None and not head.is_delimited:
            # An answer without a length ends with its connection.
            self.on_parts([], True)
        elif self._relaying:
            self._cut(errors.worker_failed())
        else:
            # A head alone promises nothing: engines send it before they have computed a token.
            stale = not answered and connection is not None and connection.reused
            self._retry("stale" if stale else "reset", errors.worker_failed())

    def _retry(self, reason: str, otherwise: Problem) -> None:
        gateway, worker = self._gateway, self._worker
        self._release()
        self._answer = None
        self._failed |= {worker.uid}
        other = self._pick()
        if other is None and reason == "stale" and gateway.directory.is_ready(worker):
            # The worker closed an idle connection at the moment we used it; it may be well.
            other = worker
        if other is None or self._attempts == ATTEMPTS or not gateway.retries.take():
            self._refuse(otherwise)
            return
        gateway.metrics.count_retry(reason)
        self._deadline = gateway.loop.time() + gateway.settings.limits.stall_seconds
        self._attempt(other)

    def _refuse(self, problem: Problem) -> None:
        """Answer with a problem: nothing of an answer has been sent."""
        self._status = problem.status
        self._end()
        self._outlet.refuse(problem)

    def _cut(self, problem: Problem) -> None:
        """End an answer that cannot be completed."""
        self._end()
        self._outlet.cut(problem)

    def client_gone(self) -> None:
        """Stop the worker: nobody waits for its answer."""
        self._status = CLIENT_GONE
        self._gateway.metrics.disconnects.inc()
        self._end()

    # Relaying

    def on_head(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        """Keep the head until the first part of the body; failures of a worker get a body of ours."""
        self._active = True
        if status < 500:
            self._answer = answer.read_head(status, fields)
            return
        self._drop_connection()
        if status in DRAINING and not self._gateway.directory.is_ready(self._worker):
            self._retry("draining", errors.no_ready_worker(self._model.name))
        else:
            self._refuse(errors.worker_failed(status))

    def on_parts(self, parts: list[bytes], complete: bool) -> None:
        """Pass on what came, at once."""
        self._active = True
        if not self._relaying:
            self._begin()
        if complete:
            self._connection = None
            self._end()
        self._outlet.write(parts, complete)

    def _begin(self) -> None:
        head = self._answer
        if head is None:
            raise RuntimeError("a part of a body came before its head")
        gateway = self._gateway
        self._relaying = True
        self._status = head.status
        gateway.metrics.first_byte.observe(gateway.loop.time() - self._started)
        self._outlet.begin(head)

    def pause(self) -> None:
        """Read no more from the worker: the client is slower."""
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """Read again."""
        self._active = True
        if self._connection is not None:
            self._connection.resume()

    def check(self, now: float) -> None:
        """Give up a worker that has sent nothing for too long; called about once a second."""
        seconds = self._gateway.settings.limits.stall_seconds
        if self._active or self._outlet.is_paused:
            self._active = False
            self._deadline = now + seconds
        elif now > self._deadline:
            problem = errors.worker_timeout(seconds)
            if self._relaying:
                self._cut(problem)
            else:
                self._refuse(problem)

    # Ending

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.cancel()

    def _release(self) -> None:
        if self._counted:
            self._counted = False
            self._gateway.loads.release(self._worker)

    def _end(self) -> None:
        """Settle what this request held, once."""
        self._drop_connection()
        self._release()
        gateway = self._gateway
        seconds = gateway.loop.time() - self._started
        gateway.metrics.duration.observe(seconds)
        gateway.metrics.count_request(self._caller, self._model.service, self._status)
        if gateway.settings.access_log:
            gateway.log.info(
                "request",
                request_id=self._head.request_id,
                namespace=self._model.namespace,
                service=self._model.service,
                tenant=self._caller.tenant,
                status=self._status,
                seconds=round(seconds, 4),
            )


@lru_cache(maxsize=1024)
def _authority(host: str, port: int) -> bytes:
    return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}").encode()


def _find_model(gateway: "Gateway", caller: Caller, name: str) -> Model:
    model = gateway.directory.models.get(caller.namespace, {}).get(name)
    if model is None:
        check_model_name(name)
        refuse(errors.model_not_found(name))
    return model
