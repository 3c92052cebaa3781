"""What a replica can do, learned from what the engines report of themselves.

Owns the model of an engine's step and its estimate: a step costs a constant, a little for each sequence that it carries
on, and something for each token of a prompt that it computes; so ITL = A + B·k + δ·(prompt tokens in the step), found
by least squares. Must not know how many replicas follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tidegate_operator.scaling.facts import Demand, Worker
from tidegate_operator.scaling.signals import Seen
from tidegate_operator.scaling.tuning import Tuning

# A worker whose mean batch was smaller was idle between requests, and tells little of a busy one.
_LEAST_BATCH = 1.0
# An engine that spends more of its time on prompts lets requests wait for its time, not for a place.
_PROMPT_BOUND = 0.5
# Observations of engines that were full before that counts. Full is one that runs about as many as it ever did while
# many more wait: one or two wait for a step's time in any engine.
ENOUGH_FULL = 3.0
_MANY_WAIT = 0.25
_AS_EVER = 0.95
# What an engine has run once is remembered ten times as long as what it usually does.
_PEAK_DECAY = 0.1


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds of an engine's step: A, B per sequence, δ per computed token of a prompt."""

    step: float
    sequence: float
    prompt_token: float


@dataclass(frozen=True, slots=True)
class Learned:
    """What was learned of a pool's replicas; sums are of observations, each counting less as it ages.

    `squares` and `sums` are the normal equations of 1 = A·(1/ITL) + B·(tokens/s) + δ·(prompt tokens/s).
    """

    weight: float = 0.0
    squares: tuple[float, ...] = (0.0,) * 6
    sums: tuple[float, ...] = (0.0,) * 3
    # None until they have rested on enough observations once.
    costs: Costs | None = None
    # What stands for the costs' proportions: what was learned before a restart or a long silence, if anything was.
    prior: Costs | None = None
    finished_requests: float = 0.0
    finished_tokens: float = 0.0
    arrived_requests: float = 0.0
    arrived_tokens: float = 0.0
    prompt_tokens: float = 0.0
    cached_tokens: float = 0.0
    kv_used: float = 0.0
    kv_requests: float = 0.0
    kv_capacity_tokens: float = 0.0
    # Most requests that an engine ran; and that one ran while others waited for a place, and how often that was seen.
    peak: float = 0.0
    full: float = 0.0
    full_weight: float = 0.0

    @property
    def computed_share(self) -> float:
        """Return the share of prompt tokens that an engine has to compute: those it has not cached."""
        return 1.0 - min(self.cached_tokens / self.prompt_tokens, 0.99) if self.prompt_tokens > 0 else 1.0

    @property
    def prompt_length(self) -> float:
        """Return the mean tokens of a request's prompt; 0 if none has arrived."""
        return self.arrived_tokens / self.arrived_requests if self.arrived_requests > 0 else 0.0

    def output_length(self, tuning: Tuning) -> float:
        """Return the mean tokens of an answer."""
        ended = self.finished_requests
        return self.finished_tokens / ended if ended > 0 else tuning.output_tokens


def concurrency(learned: Learned, target: float | None, kv_target: float, tuning: Tuning) -> float:
    """Return the requests at once that one replica takes: the user's word, or the tightest bound that is known.

    Bounds: the time between two tokens, room in the KV cache, and what an engine ran when it was full.
    """
    if target is not None:
        return target
    most = tuning.concurrency
    costs = learned.costs
    if costs is not None:
        limit = max(tuning.inter_token_floor_seconds, tuning.inter_token_slowdown * costs.step)
        most = (limit - costs.step) / costs.sequence
    if learned.kv_used > 0:
        most = min(most, kv_target * learned.kv_requests / learned.kv_used)
    if learned.full_weight >= ENOUGH_FULL:
        most = min(most, tuning.full_share * learned.full)
    return max(most, 1.0)


def learn(learned: Learned, seen: Seen, tuning: Tuning) -> Learned:
    """Return what is known after one more sample; one without a usable interval teaches nothing."""
    if seen.interval_seconds <= 0:
        return learned
    keep = 0.5 ** (seen.interval_seconds / tuning.half_life_seconds)
    if seen.demand is not None:
        learned = _learn_requests(learned, seen.demand, keep)
    if seen.workers:
        learned = _learn_room(learned, seen, keep, tuning)
        learned = _learn_costs(learned, seen.workers, seen.interval_seconds, keep, tuning)
    return learned


def _learn_requests(learned: Learned, demand: Demand, keep: float) -> Learned:
    return replace(
        learned,
        finished_requests=learned.finished_requests * keep + demand.finished_requests,
        finished_tokens=learned.finished_tokens * keep + demand.finished_output_tokens,
        arrived_requests=learned.arrived_requests * keep + demand.arrived_requests,
        arrived_tokens=learned.arrived_tokens * keep + demand.arrived_prompt_tokens,
    )


def _learn_room(learned: Learned, seen: Seen, keep: float, tuning: Tuning) -> Learned:
    workers = seen.workers
    sizes = [one.kv_capacity_tokens for one in workers if one.kv_capacity_tokens > 0]
    busy = [one for one in workers if one.running > 0]
    full = _fullest(learned, seen, tuning)
    most = max(float(one.running) for one in workers)
    return replace(
        learned,
        prompt_tokens=learned.prompt_tokens * keep + sum(one.prompt_tokens for one in workers),
        cached_tokens=learned.cached_tokens * keep + sum(one.cached_prompt_tokens for one in workers),
        kv_used=learned.kv_used * keep + sum(one.kv_used for one in busy),
        kv_requests=learned.kv_requests * keep + sum(one.running for one in busy),
        kv_capacity_tokens=sum(sizes) / len(sizes) if sizes else learned.kv_capacity_tokens,
        peak=max(learned.peak * keep**_PEAK_DECAY, most),
        full=full or learned.full,
        full_weight=(full > 0) + (0.0 if most > learned.peak / _AS_EVER else learned.full_weight),
    )


def _fullest(learned: Learned, seen: Seen, tuning: Tuning) -> float:
    """Return the most requests that an engine runs while others wait for a place in it; 0 if none does."""
    costs = learned.costs
    if costs is None:
        return 0.0
    queued = seen.demand.queued / len(seen.workers) if seen.demand else 0.0
    most = 0.0
    for one in seen.workers:
        computed = (one.prompt_tokens - one.cached_prompt_tokens) / seen.interval_seconds
        is_full = one.waiting + queued > _MANY_WAIT * one.running and one.running >= _AS_EVER * learned.peak
        if is_full and costs.prompt_token * computed < _PROMPT_BOUND:
            most = max(most, one.running)
    return most


def _learn_costs(
    learned: Learned, workers: Sequence[Worker], seconds: float, keep: float, tuning: Tuning
) -> Learned:
    squares = [one * keep for one in learned.squares]
    sums = [one * keep for one in learned.sums]
    weight = learned.weight * keep
    for one in workers:
        pace = one.inter_token_seconds
        if pace is None or one.output_tokens * pace < _LEAST_BATCH * seconds:
            continue
        steps, tokens = 1.0 / pace, one.output_tokens / seconds
        prompts = max(one.prompt_tokens - one.cached_prompt_tokens, 0) / seconds
        weight += 1.0
        for index, product in enumerate(
            (
                steps * steps,
                steps * tokens,
                steps * prompts,
                tokens * tokens,
                tokens * prompts,
                prompts * prompts,
            )
        ):
            squares[index] += product
        sums[0] += steps
        sums[1] += tokens
        sums[2] += prompts
    learned = replace(learned, weight=weight, squares=tuple(squares), sums=tuple(sums))
    if weight >= tuning.min_observations:
        return replace(learned, costs=_solve(learned, tuning))
    return replace(learned, prior=learned.costs or learned.prior)


def _solve(learned: Learned, tuning: Tuning) -> Costs:
    """Return the costs by ridge regression towards the prior's proportions, whose scale is what fits best.

    In units of the prior, so that one weight serves all three although they differ by orders of magnitude. Load
    of one kind only says little about each cost, but all about their sum: then the proportions stay the prior's.
    """
    prior = learned.prior or Costs(tuning.step_seconds, tuning.sequence_seconds, tuning.prompt_token_seconds)
    p, q, r = prior.step, prior.sequence, prior.prompt_token
    s = learned.squares
    aa, ab, ac = p * p * s[0], p * q * s[1], p * r * s[2]
    bb, bc, cc = q * q * s[3], q * r * s[4], r * r * s[5]
    x, y, z = p * learned.sums[0], q * learned.sums[1], r * learned.sums[2]
    scale = (x + y + z) / (aa + bb + cc + 2.0 * (ab + ac + bc))
    ridge = tuning.prior_weight / learned.weight * (aa + bb + cc) / 3.0
    aa, bb, cc = aa + ridge, bb + ridge, cc + ridge
    x, y, z = x + ridge * scale, y + ridge * scale, z + ridge * scale
    # Cramer's rule: the matrix is symmetric and, by the ridge, positive definite.
    i, j, k = bb * cc - bc * bc, ac * bc - ab * cc, ab * bc - ac * bb
    determinant = aa * i + ab * j + ac * k
    first = (x * i + y * j + z * k) / determinant
    second = (x * j + y * (aa * cc - ac * ac) + z * (ab * ac - aa * bc)) / determinant
    third = (x * k + y * (ab * ac - aa * bc) + z * (aa * bb - ab * ab)) / determinant
    least = 0.05 * scale
    return Costs(p * max(first, least), q * max(second, least), r * max(third, least))
