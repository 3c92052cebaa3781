"""The life of one request: admitted, perhaps waiting, sent to a worker, answered or retried once, settled.

Owns the order of these steps and what happens when one fails. After the first byte of an answer nothing is ever
sent again: a second worker would answer differently. Who loses its only worker before that may wait for the next. Must
not know how clients are spoken to (`Outlet`), who goes first (`qos`), where to (`routing`) or how much a tenant may use
(`limits`).
"""

from asyncio import Task
from typing import TYPE_CHECKING, Final

from tidegate_api.names import PRIORITY_BY_CLASS, QosClass, engine_priority
from tidegate_gateway import answer, errors, redaction, traceparent, versions
from tidegate_gateway.answer import AnswerHead
from tidegate_gateway.body import plain, read_call
from tidegate_gateway.directory import Caller, Worker
from tidegate_gateway.errors import Problem, refuse
from tidegate_gateway.limits.account import Reservation
from tidegate_gateway.outlet import Outlet
from tidegate_gateway.qos.errors import NoWorker, Overloaded
from tidegate_gateway.qos.ticket import Reason, Ticket
from tidegate_gateway.request import Head
from tidegate_gateway.routes.answers import problem_of
from tidegate_gateway.routing import outliers
from tidegate_gateway.routing.endpoint import Endpoint
from tidegate_gateway.routing.prefix import blocks_of, seed_of
from tidegate_gateway.upstream import WorkerConnection, request_lines
from tidegate_gateway.usage import JsonMeter, StreamMeter

if TYPE_CHECKING:
    from tidegate_gateway.gateway import Gateway
    from tidegate_gateway.tracing import Trace

ATTEMPTS: Final = 2
NOT_FOUND: Final = 404
CLIENT_GONE: Final = 499
OK: Final = 200
BAD_REQUEST: Final = 400
# Kept of a worker's refusal that is told within a stream, or has yet to be looked through.
LONGEST_REFUSAL: Final = 64 * 1024
# A worker that answers so while it is being stopped has not begun the request.
DRAINING: Final = frozenset({500, 503})


class Exchange:
    """One request to a worker, on its way through."""

    # For the compiler: what may be deleted.
    __deletable__ = ("_ticket",)
    # As long as nothing has happened. Set on the class, since most requests change few of them.
    _attempts = 0
    _active = False
    _answer: AnswerHead | None = None
    _connecting: Task[None] | None = None
    _connection: WorkerConnection | None = None
    _deadline = 0.0
    _endpoint: Endpoint | None = None
    _ended = False
    # Why its worker failed, while it waits for another one.
    _failure: Problem | None = None
    _json: JsonMeter | None = None
    # Whether the client has been given the head of a stream while it was held, and when it was last told so.
    _promised = False
    _refusal: list[bytes] | None = None
    _relaying = False
    _status = 0
    _stream: StreamMeter | None = None
    _told_at = 0.0
    _trace: "Trace | None" = None
    _reservation: Reservation
    _ticket: Ticket

    def __init__(
        self,
        gateway: "Gateway",
        outlet: Outlet,
        head: Head,
        caller: Caller,
        body: bytes,
        *,
        qos_class: QosClass | None = None,
    ) -> None:
        self._gateway = gateway
        self._outlet = outlet
        self._head = head
        self.caller = caller
        self._qos_class: QosClass = qos_class or caller.qos_class
        priority = engine_priority(PRIORITY_BY_CLASS[self._qos_class])
        self._call = call = read_call(body, head.path, priority)
        self._served = served = gateway.find(caller, call.model)
        if not served.model.is_vllm:
            self._call = call = plain(call, body)
        self._timings = served.timings[self._qos_class]
        self._prompt_tokens = served.estimate.prompt_tokens(len(call.prompt))
        self._started = gateway.loop.time()

    # Admission

    def start(self) -> None:
        """Send the request to a worker, or let it wait for one; raise Refused if its tenant may send no more."""
        gateway = self._gateway
        gateway.retries.note_request()
        self._reservation = self._reserve()
        self._ticket = ticket = self._make_ticket()
        gateway.exchanges.add(self)
        if gateway.tracing is not None:
            self._trace = gateway.tracing.begin(self._head.forwarded, self._head.path.decode())
        try:
            endpoint = self._served.dispatcher.submit(ticket, self._started)
        except NoWorker:
            self._refuse(self._served.no_worker(self._qos_class))
        except Overloaded as full:
            self._refuse(self._served.overloaded(self._qos_class, full.retry_after_seconds))
        else:
            if endpoint is not None:
                self.dispatched(endpoint)

    def _reserve(self) -> Reservation:
        gateway, call, estimate = self._gateway, self._call, self._served.estimate
        tokens = estimate.prompt_tokens(len(call.prompt)) + estimate.most_output_tokens(
            call.max_tokens, call.n
        )
        admitted = gateway.ledger.reserve(self.caller, tokens, self._started, gateway.clock())
        if isinstance(admitted, Problem):
            refuse(admitted)
        return admitted

    def _make_ticket(self) -> Ticket:
        served, call, caller = self._served, self._call, self.caller
        adapter = None if call.model == served.model.name else call.model
        blocks: tuple[int, ...] = ()
        if served.compares_prompts:
            salt = "" if served.model.shared_prefixes else caller.salt
            blocks = blocks_of(call.prompt, seed_of(served.model.name, adapter, salt))
        ticket = Ticket(
            self,
            caller.tenant,
            self._qos_class,
            prompt_tokens=self._prompt_tokens,
            output_tokens=served.estimate.output_tokens(call.max_tokens, call.n),
            blocks=blocks,
            adapter=adapter,
        )
        canary = served.model.canary
        if canary is not None:
            ticket.is_canary = versions.is_drawn(canary, caller.tenant, call.prompt)
            ticket.is_stable = not (ticket.is_canary or canary.is_passed)
        return ticket

    # Told by the dispatcher

    def dispatched(self, endpoint: Endpoint) -> None:
        """Send the request to this endpoint."""
        gateway, adapter = self._gateway, self._ticket.adapter
        if adapter is not None and self._served.model.has_adapters and adapter not in endpoint.adapters:
            # The worker would say that there is none.
            self._refuse(errors.adapter_loading(adapter))
            return
        self._endpoint = endpoint
        self._attempts += 1
        now = gateway.loop.time()
        self._deadline = now + gateway.settings.limits.stall_seconds
        if self._attempts == 1:
            self._timings.queue.observe(now - self._started)
        connection = gateway.pool.take(endpoint.worker)
        if connection is None:
            self._connecting = gateway.pool.connect(endpoint.worker, self)
        else:
            self._send(connection)

    def rejected(self, reason: Reason) -> None:
        """Refuse a request that has waited in vain."""
        served, qos_class = self._served, self._qos_class
        if reason == "expired":
            # Longer than its class may, if it was held before that.
            waited = self._gateway.loop.time() - self._started
            seconds = max(served.model.classes[qos_class].queue_timeout_seconds, int(waited))
            self._refuse(errors.waited_too_long(qos_class, seconds))
        elif reason == "not_woken":
            self._refuse(served.not_woken(qos_class))
        elif reason == "lost":
            self._refuse(self._failure or errors.worker_failed())
        elif reason == "overloaded":
            self._refuse(served.overloaded(qos_class, served.dispatcher.retry_after_seconds(qos_class)))
        else:
            self._refuse(served.no_worker(qos_class))

    def preempted(self) -> None:
        """Give the place to a request that it belongs to; nothing has come back yet."""
        self._drop_connection()
        self._endpoint = None
        self._answer = None
        self._attempts -= 1

    # Sending

    def on_connected(self, connection: WorkerConnection) -> None:
        """Use the new connection."""
        self._connecting = None
        self._send(connection)

    def _send(self, connection: WorkerConnection) -> None:
        self._connection = connection
        head, call, trace = self._head, self._call, self._trace
        forwarded = head.forwarded if trace is None else trace.forwarded()
        pieces, length = call.outgoing(None if self._served.model.shared_prefixes else self.caller.salt)
        lines = request_lines(connection.worker, head.path, length, head.request_id, forwarded)
        connection.send(self, [lines, *pieces])
        if self._outlet.is_paused:
            connection.pause()

    # Failing

    def on_refused(self) -> None:
        """Try another worker: this one cannot be reached."""
        self._connecting = None
        self._retry("refused", errors.no_ready_worker(self._served.model.name))

    def on_lost(self, answered: bool, clean: bool) -> None:
        """Try another worker, or tell the client that the rest will not come."""
        connection, self._connection = self._connection, None
        head = self._answer
        if clean and head is not None and not head.is_delimited and self._is_whole(head):
            # An answer without a length ends with its connection.
            self.on_parts([], True)
        elif self._relaying:
            self._cut(errors.worker_failed())
        elif not answered and connection is not None and connection.reused:
            self._send_anew(connection.worker)
        else:
            # A head alone promises nothing: engines send it before they have computed a token.
            self._retry("reset", errors.worker_failed())

    def _is_whole(self, head: AnswerHead) -> bool:
        """Tell whether an answer that ends with its connection may be whole: a killed worker's ends so as well."""
        if self._stream is not None:
            return self._stream.is_done
        return self._relaying or head.status != OK

    def _send_anew(self, worker: Worker) -> None:
        """Use a new connection to the same worker, once: it closes idle ones as it likes, perhaps as we use one.

        That says nothing against the worker, so it is no attempt; another idle one may have been closed as well.
        """
        self._gateway.metrics.count_retry("stale")
        self._connecting = self._gateway.pool.connect(worker, self)

    def _retry(self, reason: str, otherwise: Problem) -> None:
        gateway, ticket, failed = self._gateway, self._ticket, self._endpoint
        now = gateway.loop.time()
        self._answer = None
        self._endpoint = None
        if failed is not None:
            self._served.failed(failed, now, is_stopping=reason == "draining")
            ticket.excluded |= {failed.worker.uid}
        # Whoever has seen two workers fail may be why.
        if self._attempts == ATTEMPTS:
            self._refuse(otherwise)
            return
        dispatcher = self._served.dispatcher
        # A canary that fails must not spend what is there for the version in use, nor can it be asked twice.
        is_excused = failed is not None and outliers.excuse(failed)
        may_retry = dispatcher.leave_canary(ticket) or is_excused or gateway.retries.take()
        other = dispatcher.retry(ticket, now) if may_retry else None
        if other is not None:
            gateway.metrics.count_retry(reason)
            self.dispatched(other)
        elif dispatcher.wait_for_another(ticket, now):
            self._failure = otherwise
            gateway.metrics.count_retry("held")
        else:
            self._refuse(otherwise)

    def _refuse(self, problem: Problem) -> None:
        """Answer with a problem: nothing of an answer has been sent."""
        self._status = problem.status
        self._end()
        self._outlet.refuse(problem)

    def _cut(self, problem: Problem) -> None:
        """End an answer that cannot be completed."""
        if self._endpoint is not None:
            self._served.failed(self._endpoint, self._gateway.loop.time())
        # Half an event is not passed on: a client would try to read it before it reads our error.
        self._end()
        self._outlet.cut(problem)

    def client_gone(self) -> None:
        """Stop the worker: nobody waits for its answer."""
        self._status = CLIENT_GONE
        self._gateway.metrics.disconnects.inc()
        self._end()

    def revoke(self) -> None:
        """Break off: the key is not good any more."""
        self._gateway.metrics.revoked.inc()
        self._drop_connection()
        if self._relaying:
            self._end()
            self._outlet.cut(errors.INVALID_KEY)
        else:
            self._refuse(errors.INVALID_KEY)

    # Relaying

    def on_head(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        """Keep the head until the first part of the body; failures of a worker get a body of ours."""
        self._active = True
        if status == NOT_FOUND and self._has_lost_adapter():
            return
        if status < 500:
            self._answer = answer.read_head(status, fields)
            return
        self._drop_connection()
        endpoint = self._endpoint
        if (
            status in DRAINING
            and endpoint is not None
            and not self._gateway.directory.is_ready(endpoint.worker)
        ):
            self._retry("draining", errors.no_ready_worker(self._served.model.name))
            return
        if endpoint is not None and self._served.dispatcher.leave_canary(self._ticket):
            self._retry("canary", errors.worker_failed(status))
            return
        if endpoint is not None:
            self._served.failed(endpoint, self._gateway.loop.time())
        self._refuse(errors.worker_failed(status))

    def _has_lost_adapter(self) -> bool:
        """Tell whether the worker does not know an adapter that is declared, and refuse the request if so.

        Its engine was started again, or another revision is just taking the name: soon it has it.
        """
        adapter, endpoint = self._ticket.adapter, self._endpoint
        if adapter is None or endpoint is None or adapter not in self._served.model.adapters:
            return False
        endpoint.adapters -= {adapter}
        self._drop_connection()
        self._refuse(errors.adapter_loading(adapter))
        return True

    def on_parts(self, parts: list[bytes], complete: bool) -> None:
        """Pass on what came, at once."""
        self._active = True
        if not self._relaying:
            self._begin()
        if self._stream is not None:
            parts = self._stream.feed(parts)
            if complete:
                parts = [*parts, self._stream.end()]
            elif not parts:
                return
        elif self._json is not None:
            self._json.feed(parts)
        elif self._refusal is not None:
            if self._promised:
                self._keep_refusal(self._refusal, parts, complete)
                return
            parts = _covered(self._refusal, parts, complete)
            if not parts:
                return
        if complete:
            self._connection = None
            if self._endpoint is not None:
                self._served.answered(self._endpoint)
            self._end()
        self._outlet.write(parts, complete)

    def _begin(self) -> None:
        head = self._answer
        if head is None:
            raise RuntimeError("a part of a body came before its head")
        gateway, served = self._gateway, self._served
        now = gateway.loop.time()
        self._relaying = True
        self._status = head.status
        self._timings.first_token.observe(now - self._started)
        if head.status == OK and head.is_event_stream:
            self._stream = StreamMeter(not self._call.wants_usage, keeps_end=not head.is_delimited)
            served.dispatcher.first_byte(self._ticket, now)
            if served.counted is not None and self._endpoint is not None:
                served.counted.of(self._endpoint).first_token(now - self._ticket.dispatched_at)
        else:
            # Its first byte tells the end of the answer, not of the prompt; but it is not to be broken off any more.
            served.dispatcher.keep(self._ticket)
            if self._promised:
                self._refusal = []
                return
            if head.status == OK and head.is_readable:
                self._json = JsonMeter()
            elif head.status >= BAD_REQUEST and head.is_readable:
                self._refusal = []
        self._outlet.begin(head, gateway.ledger.headers(self.caller, now))

    def _keep_refusal(self, refusal: list[bytes], parts: list[bytes], complete: bool) -> None:
        """Tell in the stream that was begun what the worker has answered instead of one, once it is whole."""
        refusal += parts
        if not complete and sum(map(len, refusal)) <= LONGEST_REFUSAL:
            return
        if complete:
            self._connection = None
        self._end()
        self._outlet.cut(problem_of(self._status, b"".join(refusal)))

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
        if self._active or self._endpoint is None or self._outlet.is_paused:
            self._active = False
            self._deadline = now + seconds
            if self._endpoint is None and self._call.stream and not self._outlet.is_paused:
                self._hold(now)
        elif now > self._deadline:
            problem = errors.worker_timeout(seconds)
            if self._relaying:
                self._cut(problem)
            else:
                self._served.failed(self._endpoint, now)
                self._refuse(problem)

    def _hold(self, now: float) -> None:
        """Tell a client whose stream has been held for a while that it still is."""
        gateway = self._gateway
        if self._ended or now - max(self._started, self._told_at) < gateway.settings.limits.heartbeat_seconds:
            return
        if self._told_at or self._served.dispatcher.is_held(self._ticket):
            self._told_at = now
            self._promised = self._outlet.hold(gateway.ledger.headers(self.caller, now))

    def give_up(self) -> None:
        """Refuse a request of whose answer nothing has come, and break off any other: the gateway ends."""
        if self._ended:
            return
        if self._relaying:
            self._end()
            self._outlet.cut(errors.STOPPED)
        else:
            self._drop_connection()
            self._refuse(errors.STOPPING)

    # Ending

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.cancel()

    def _end(self) -> None:
        """Give back what this request held, and count it; once."""
        if self._ended:
            return
        self._ended = True
        self._drop_connection()
        gateway, served = self._gateway, self._served
        now = gateway.loop.time()
        gateway.exchanges.discard(self)
        served.dispatcher.end(self._ticket, now, self._settle(now))
        self._timings.duration.observe(now - self._started)
        model = served.model
        gateway.metrics.count_served(model.namespace, model.service, self._qos_class, self._status)
        if self._trace is not None or gateway.settings.access_log:
            self._tell(now)
        # The ticket holds us too: freed here, neither has to wait for the garbage collector.
        del self._ticket

    def _settle(self, now: float) -> int:
        """Count the tokens that the engine reported, or else those that have passed; return those of the answer."""
        call, estimate, meter = self._call, self._served.estimate, self._stream or self._json
        prompt = completion = 0
        if meter is not None and meter.usage is not None:
            usage = meter.usage
            prompt, completion = usage.prompt_tokens, usage.completion_tokens
            if call.n == 1:
                estimate.learn(len(call.prompt), prompt, completion)
        elif self._stream is not None:
            prompt, completion = self._prompt_tokens, self._stream.events
        self._gateway.ledger.settle(self._reservation, prompt, completion, now)
        self._served.output.add(completion, now)
        return completion

    def _tell(self, now: float) -> None:
        """Write the line and the span of this request."""
        model, ticket = self._served.model, self._ticket
        about: dict[str, str | float] = {
            "request_id": self._head.request_id,
            "namespace": model.namespace,
            "service": model.service,
            "tenant": self.caller.tenant,
            "qos_class": self._qos_class,
            "pool": ticket.pool,
            "worker": "" if self._endpoint is None else self._endpoint.worker.name,
            "queue_seconds": round(max(0.0, ticket.dispatched_at - self._started), 4),
            "seconds": round(now - self._started, 4),
        }
        trace, head = self._trace, self._head
        if trace is not None:
            meter = self._stream or self._json
            trace.note_generation(head.path, self._call.model, None if meter is None else meter.usage)
            trace.end(self._status, {f"tidegate.{name}": value for name, value in about.items()})
        if self._gateway.settings.access_log:
            trace_id = traceparent.trace_id(head.forwarded) if trace is None else trace.trace_id
            if trace_id:
                about["trace_id"] = trace_id
            self._gateway.log.info("request", status=self._status, **about)


def _covered(refusal: list[bytes], parts: list[bytes], complete: bool) -> list[bytes]:
    """Return what a client gets of a worker's refusal, once it is whole or very long; until then it is kept."""
    refusal += parts
    if not complete and sum(map(len, refusal)) <= LONGEST_REFUSAL:
        return []
    whole = redaction.cover(b"".join(refusal))
    refusal.clear()
    return [whole]
