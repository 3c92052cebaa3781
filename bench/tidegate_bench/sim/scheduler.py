"""Continuous batching: what an engine computes in its next step, and who has a new token after it.

Owns the queue, the batch and the KV cache. Pure: time comes as an argument, in seconds of any clock. The order of
decisions is that of vLLM 0.32 (vllm/v1/core/sched/scheduler.py): running requests first, each up to the step's token
budget; who finds no KV block preempts the least important; waiting requests only when nobody was preempted.
"""

import heapq
from collections.abc import Iterator

from tidegate_bench.sim.blocks import BlockPool
from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.sequence import Sequence
from tidegate_bench.sim.statistics import Statistics


class TooLong(ValueError):
    """A prompt that no engine of this profile can take."""


class Scheduler:
    """One engine."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.pool = BlockPool(profile.num_gpu_blocks)
        self.statistics = Statistics()
        self.running: list[Sequence] = []
        self.waiting = 0
        # By importance; those that were aborted are left in it and skipped.
        self._queue: list[tuple[int, int, Sequence]] = []
        self._arrivals = 0
        self._is_priority = profile.scheduling_policy == "priority"
        # Tokens by sequence of the step under way, and the adapters in memory, the next to be dropped first.
        self._step: dict[Sequence, int] = {}
        self._loaded: dict[str, None] = {}

    # Coming and going

    def submit(self, sequence: Sequence, now: float) -> None:
        """Take a sequence; raise TooLong if it could never be computed."""
        limit = self.profile.max_model_len
        if sequence.prompt.tokens + min(sequence.output_tokens, 1) > limit:
            raise TooLong(f"a prompt of {sequence.prompt.tokens} tokens leaves no room in {limit}")
        sequence.arrived = now
        self._push(sequence)

    def abort(self, sequence: Sequence) -> None:
        """Forget a sequence, and free what it holds at once."""
        if sequence.ended:
            return
        if sequence.queued:
            self.waiting -= 1
        else:
            self.running.remove(sequence)
            self._step.pop(sequence, None)
        self._end(sequence)
        self.statistics.finished["abort"] += 1

    def waiting_sequences(self) -> Iterator[Sequence]:
        """Return those that wait, in no order."""
        return (sequence for _, _, sequence in self._queue if sequence.queued)

    def reset(self) -> None:
        """Forget what is cached and counted, as after a restart; nothing may be running."""
        self.pool.forget()
        self._loaded.clear()
        self.statistics = Statistics()

    def _push(self, sequence: Sequence) -> None:
        self._arrivals += 1
        sequence.queued = True
        self.waiting += 1
        rank = sequence.priority if self._is_priority else 0
        # Who was preempted keeps its arrival, and so comes before those who came later.
        sequence.order = sequence.order or self._arrivals
        heapq.heappush(self._queue, (rank, sequence.order, sequence))

    def _end(self, sequence: Sequence) -> None:
        sequence.ended = True
        sequence.queued = False
        self._free(sequence)

    def _free(self, sequence: Sequence) -> None:
        self.pool.release(sequence.shared, sequence.blocks - len(sequence.shared))
        sequence.shared = []
        sequence.blocks = 0

    # A step

    def begin(self, now: float) -> float | None:
        """Decide a step that begins now; return its seconds, or None if there is nothing to do."""
        self._step = {}
        before = self.statistics.preemptions
        budget = self._schedule_running(self.profile.max_num_batched_tokens)
        if self.statistics.preemptions == before:
            self._schedule_waiting(budget, now)
        if not self._step:
            return None
        return self._duration()

    def _duration(self) -> float:
        prefill = decode = context = 0
        adapters = set()
        for sequence, tokens in self._step.items():
            context += sequence.computed
            if sequence.generated and tokens == 1:
                decode += 1
            else:
                prefill += tokens
            if sequence.adapter is not None:
                adapters.add(sequence.adapter)
        return self.profile.duration(prefill, decode, context, self._load(adapters))

    def _load(self, adapters: set[str]) -> int:
        """Have these adapters in memory, and return how many were not."""
        loaded = self._loaded
        missing = sum(name not in loaded for name in adapters)
        for name in adapters:
            loaded.pop(name, None)
            loaded[name] = None
        while len(loaded) > self.profile.max_loras:
            del loaded[next(iter(loaded))]
        return missing

    def _schedule_running(self, budget: int) -> int:
        running, step = self.running, self._step
        index = 0
        while index < len(running) and budget > 0:
            sequence = running[index]
            tokens = min(sequence.total - sequence.computed, budget)
            while not self._extend(sequence, tokens):
                budget += self._preempt(self._least_important())
                if sequence.queued:
                    # It was itself the least important: nobody after it in the batch is tried, as in vLLM.
                    return budget
                index = running.index(sequence)
            step[sequence] = tokens
            budget -= tokens
            index += 1
        return budget

    def _least_important(self) -> Sequence:
        if self._is_priority:
            return max(self.running, key=lambda sequence: (sequence.priority, sequence.order))
        return self.running[-1]

    def _preempt(self, sequence: Sequence) -> int:
        """Take a sequence out of the batch; return the tokens that it had in this step."""
        self.running.remove(sequence)
        self._free(sequence)
        # All of it is computed again, the answer so far included.
        sequence.computed = 0
        sequence.preemptions += 1
        self.statistics.preemptions += 1
        self._push(sequence)
        return self._step.pop(sequence, 0)

    def _schedule_waiting(self, budget: int, now: float) -> None:
        profile, queue, step = self.profile, self._queue, self._step
        adapters = {sequence.adapter for sequence in self.running if sequence.adapter is not None}
        skipped = []
        while queue and budget > 0 and len(self.running) < profile.max_num_seqs:
            entry = queue[0]
            sequence = entry[2]
            if not sequence.queued:
                heapq.heappop(queue)
                continue
            adapter = sequence.adapter
            if adapter is not None and adapter not in adapters and len(adapters) == profile.max_loras:
                skipped.append(heapq.heappop(queue))
                continue
            tokens = self._admit(sequence, budget, now)
            if not tokens:
                break
            heapq.heappop(queue)
            step[sequence] = tokens
            budget -= tokens
            if adapter is not None:
                adapters.add(adapter)
        for entry in skipped:
            heapq.heappush(queue, entry)

    def _admit(self, sequence: Sequence, budget: int, now: float) -> int:
        """Put a waiting sequence into the batch; return its tokens in this step, 0 if it does not fit."""
        size, pool = self.profile.block_size, self.pool
        # The last token is always computed: its result is the next token.
        hits = pool.match(sequence.hashes, (sequence.total - 1) // size)
        found = sequence.hashes[:hits] if self.profile.enable_prefix_caching else []
        # Room for the whole prompt, although only a part may be computed now.
        if -(-sequence.total // size) - len(found) > pool.free - pool.idle_among(found):
            return 0
        pool.share(found)
        sequence.shared = found
        sequence.blocks = len(found)
        sequence.computed = len(found) * size
        tokens = min(sequence.total - sequence.computed, budget)
        self._extend(sequence, tokens)
        self._count_admission(sequence, now)
        sequence.queued = False
        self.waiting -= 1
        self.running.append(sequence)
        return tokens

    def _count_admission(self, sequence: Sequence, now: float) -> None:
        if sequence.preemptions:
            return
        statistics = self.statistics
        statistics.queried_tokens += sequence.total
        statistics.cached_tokens += sequence.computed
        statistics.queue.observe(now - sequence.arrived)
        sequence.cached_tokens = sequence.computed

    def _extend(self, sequence: Sequence, tokens: int) -> bool:
        """Hold blocks for the next tokens, and let others share those that they fill."""
        size = self.profile.block_size
        after = sequence.computed + tokens
        lacking = -(-after // size) - sequence.blocks
        if lacking > 0:
            if not self.pool.allocate(lacking):
                return False
            sequence.blocks += lacking
        whole = after // size
        if whole > len(sequence.shared) and self.profile.enable_prefix_caching:
            self._publish(sequence, whole)
        return True

    def _publish(self, sequence: Sequence, whole: int) -> None:
        sequence.hash_up_to(whole, self.profile.block_size)
        shared = sequence.shared
        for block in sequence.hashes[len(shared) : whole]:
            if not self.pool.publish(block):
                # Another has computed the same meanwhile; ours stays private, and so does what follows.
                return
            shared.append(block)

    def end(self, now: float) -> list[Sequence]:
        """End the step; return the sequences that have a new token or, wanting none, are done."""
        statistics = self.statistics
        statistics.steps += 1
        advanced = []
        any_ended = False
        for sequence, tokens in self._step.items():
            sequence.computed += tokens
            if sequence.computed < sequence.total:
                continue
            advanced.append(sequence)
            if sequence.output_tokens:
                self._note_token(sequence, now)
            else:
                statistics.prompt_tokens += sequence.prompt.tokens
            if sequence.generated >= sequence.output_tokens:
                any_ended = True
                self._end(sequence)
                statistics.finished[sequence.reason] += 1
                statistics.request.observe(now - sequence.arrived)
        if any_ended:
            self.running = [sequence for sequence in self.running if not sequence.ended]
        self._step = {}
        return advanced

    def _note_token(self, sequence: Sequence, now: float) -> None:
        statistics = self.statistics
        sequence.generated += 1
        sequence.total += 1
        statistics.generated_tokens += 1
        if sequence.generated == 1:
            sequence.first_token_at = now
            statistics.prompt_tokens += sequence.prompt.tokens
            statistics.first_token.observe(now - sequence.arrived)
        else:
            statistics.between_tokens.observe(now - sequence.last_token_at)
        sequence.last_token_at = now
