"""One simulated replica's batch: what it computes next, and who is done after it.

Owns queue, batch and KV cache. Time comes as an argument. What makes it fast enough: steps in which only answers grow
are all alike until one of them ends, so they are taken in one stride; an arrival cuts the stride at the next step.
First come, first served; who finds no room in the KV cache preempts the last that came in, which is computed again.
"""

from collections import deque
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import ceil

from tidegate_bench.autoscaling.model import Model


class Request:
    """One request on its way; times are seconds of the simulation, None until they came."""

    __slots__ = (
        "arrived", "base", "end", "first", "generated", "joined", "left", "order", "output", "preemptions",
        "prompt", "refused",
    )  # fmt: skip

    def __init__(self, arrived: float, prompt: int, output: int) -> None:
        self.arrived = arrived
        self.prompt = prompt
        self.output = output
        self.first: float | None = None
        self.end: float | None = None
        self.refused = False
        self.generated = 0
        self.preemptions = 0
        # Within an engine: tokens to compute before the next answer token, KV tokens when it joined the batch, the
        # step it joined at, its place in the order of admission.
        self.left = 0
        self.base = 0
        self.joined = 0
        self.order = 0


@dataclass(slots=True)
class Counters:
    """What an engine has done since it started; tokens are counted when computed."""

    prompt_tokens: int = 0
    output_tokens: int = 0
    finished: int = 0
    finished_prompt_tokens: int = 0
    finished_output_tokens: int = 0
    preemptions: int = 0
    # Gaps between two tokens of an answer: their sum, and how many.
    gap_seconds: float = 0.0
    gaps: int = 0


class Engine:
    """The batch of one replica. `begin` decides a stride, `end` completes it; `due` is when it ends."""

    __slots__ = (
        "admitted", "begun", "busy", "count", "counters", "decoding", "due", "filling", "in_flight", "kv_tokens",
        "model", "step", "steps", "tokens", "version", "waiting",
    )  # fmt: skip

    def __init__(self, model: Model) -> None:
        self.model = model
        self.kv_tokens = model.kv_tokens
        # Requests in the batch or waiting for it.
        self.in_flight = 0
        self.waiting: deque[Request] = deque()
        # Admitted, prompt not yet computed; by admission.
        self.filling: list[Request] = []
        # (step at which it ends, order of admission, request).
        self.decoding: list[tuple[int, int, Request]] = []
        self.counters = Counters()
        # Steps with answers in them so far; KV tokens held after these.
        self.count = 0
        self.tokens = 0
        self.admitted = 0
        self.busy = False
        self.begun = self.due = self.step = 0.0
        self.steps = 0
        # Counts strides, so that an event of one that was cut is known for what it is.
        self.version = 0

    @property
    def running(self) -> int:
        """Requests in the batch."""
        return len(self.filling) + len(self.decoding)

    def submit(self, request: Request, now: float) -> bool:
        """Queue a request; return whether the stride now ends at another time, or begins."""
        self.in_flight += 1
        self.waiting.append(request)
        if not self.busy:
            return self.begin(now)
        if self.steps > 1 and self._has_room(request):
            # Admitted at the next step.
            taken = max(1, ceil((now - self.begun) / self.step - 1e-9))
            if taken < self.steps:
                self.steps = taken
                self.due = self.begun + taken * self.step
                self.version += 1
                return True
        return False

    def _has_room(self, request: Request) -> bool:
        # Those that answer come first: the step that admits it computes a token of each.
        needed = request.prompt + request.generated + self.model.block_tokens // 2 + len(self.decoding)
        return self.running < self.model.max_sequences and self.tokens + needed <= self.kv_tokens

    def begin(self, now: float) -> bool:
        """Decide the next stride; return whether there is one."""
        model = self.model
        answering = len(self.decoding)
        preempted = False
        while answering and self.kv_tokens - self.tokens < answering and self.running > 1:
            self._preempt()
            answering = len(self.decoding)
            preempted = True
        budget = model.chunk_tokens - answering
        prefill = 0
        for request in self.filling:
            taken = min(request.left, budget - prefill)
            request.left -= taken
            prefill += taken
        while not preempted and self.waiting and prefill < budget and self._has_room(self.waiting[0]):
            request = self._admit()
            taken = min(request.left, budget - prefill)
            request.left -= taken
            prefill += taken
        self.version += 1
        self.begun = now
        self.busy = bool(prefill or answering)
        if not self.busy:
            return False
        self.counters.prompt_tokens += prefill
        self.step = model.duration(self.running, prefill)
        self.steps = 1
        # Who was preempted may have room again after one step.
        if not prefill and not preempted:
            room = (self.kv_tokens - self.tokens) // answering
            self.steps = max(1, min(self.decoding[0][0] - self.count, room))
        self.due = now + self.steps * self.step
        return True

    def _admit(self) -> Request:
        request = self.waiting.popleft()
        self.admitted += 1
        request.order = self.admitted
        # What it had answered before it was preempted is computed again with its prompt.
        request.left = request.prompt + request.generated
        request.base = request.left + self.model.block_tokens // 2
        self.tokens += request.base
        self.filling.append(request)
        return request

    def _preempt(self) -> None:
        """Take the last that was admitted out of the batch, to the front of the queue."""
        if self.filling:
            request = self.filling.pop()
            self.tokens -= request.base
        else:
            place = max(range(len(self.decoding)), key=lambda index: self.decoding[index][1])
            request = self.decoding.pop(place)[2]
            heapify(self.decoding)
            request.generated += self.count - request.joined
            self.tokens -= request.base + self.count - request.joined
        request.preemptions += 1
        self.counters.preemptions += 1
        self.waiting.appendleft(request)

    def end(self, now: float) -> tuple[list[Request], list[Request]]:
        """Complete the stride; return who got the first token, and who is done."""
        answering, counters = len(self.decoding), self.counters
        first: list[Request] = []
        done: list[Request] = []
        if answering:
            self.count += self.steps
            new = answering * self.steps
            self.tokens += new
            counters.output_tokens += new
            counters.gaps += new
            counters.gap_seconds += new * self.step
            while self.decoding and self.decoding[0][0] <= self.count:
                request = heappop(self.decoding)[2]
                self.tokens -= request.base + self.count - request.joined
                done.append(request)
        if self.filling:
            self._complete_prompts(now, first, done)
        self.in_flight -= len(done)
        for request in done:
            request.generated = request.output
            request.end = now
            counters.finished += 1
            counters.finished_prompt_tokens += request.prompt
            counters.finished_output_tokens += request.output
        return first, done

    def _complete_prompts(self, now: float, first: list[Request], done: list[Request]) -> None:
        ready = 0
        for request in self.filling:
            if request.left:
                break
            ready += 1
            request.generated += 1
            self.counters.output_tokens += 1
            if request.first is None:
                request.first = now
                first.append(request)
            remaining = request.output - request.generated
            if remaining <= 0:
                self.tokens -= request.base
                done.append(request)
            else:
                request.joined = self.count
                heappush(self.decoding, (self.count + remaining, request.order, request))
        if ready:
            del self.filling[:ready]

    def cut(self) -> list[Request]:
        """Stop at once; return the requests that are lost with it."""
        lost = [*self.filling, *(entry[2] for entry in self.decoding), *self.waiting]
        self.filling, self.decoding = [], []
        self.waiting.clear()
        self.in_flight = 0
        self.busy = False
        self.version += 1
        return lost

    def kv_used(self, now: float) -> float:
        """Return the share of the KV cache that holds something."""
        return min(1.0, (self.tokens + len(self.decoding) * self._taken(now)) / self.kv_tokens)

    def output_tokens(self, now: float) -> int:
        """Return the answer tokens so far, those of the stride under way included."""
        return self.counters.output_tokens + len(self.decoding) * self._taken(now)

    def _taken(self, now: float) -> int:
        """Return how many steps of the stride are over; all of them at its end are counted by `end`."""
        if not self.busy or self.steps == 1:
            return 0
        return min(self.steps - 1, int((now - self.begun) / self.step))
