"""The constants of the scaling law, in one place, so that one configuration serves all pools and can be measured.

Owns the numbers. They are not settings: what a user may choose is in `facts.Policy`. Must not compute.
"""

from dataclasses import dataclass

from tidegate_api.names import QosClass
from tidegate_operator.scaling.facts import RatePolicy


@dataclass(frozen=True, slots=True)
class Tuning:
    """The law's constants; where nothing else is said, chosen by `make bench-autoscaling`.

    Times are seconds.
    """

    # Share of the ten-second bins for which what is expected and the reserve together are enough.
    covered_high: float = 0.98
    covered_medium: float = 0.95
    covered_low: float = 0.8

    # Share of a replica's time that is planned for, above one since numbers are rounded up and a reserve is rarely
    # needed whole; the objective's attainment moves it within these bounds.
    utilization: float = 1.05
    utilization_min: float = 0.5
    utilization_max: float = 1.1

    # How far demand is looked back on, and how far ahead.
    history_seconds: float = 3600.0
    # Shorter than the history, so that the end of a long load, all but which is forgotten, is not taken for a burst.
    reserve_seconds: float = 2400.0
    long_mean_seconds: float = 60.0
    short_mean_seconds: float = 20.0
    # What the last minute has beyond these is a burst, what these have beyond the history a drift.
    drift_mean_seconds: float = 300.0
    trend_mean_seconds: float = 60.0
    trend_seconds: float = 90.0
    trend_horizon_seconds: float = 120.0
    # The trend counts if it changes demand in `trend_seconds` by more than this many standard deviations.
    trend_significance: float = 4.0
    # A distance of the demand of a minute from its mean, by the mean, that is not worth a second thought: what is seen
    # to pass has to be greater for the next one to be expected to pass. And no farther ahead than this.
    usual_spread: float = 0.3
    longest_lag_seconds: float = 180.0

    # What waits, and will not have been worked off when a replica can be ready, is to be worked off in this time.
    backlog_seconds: float = 10.0
    # What more is expected than there are replicas for piles up until they come, and is to be worked off in this time.
    piled_up_seconds: float = 50.0
    # The objective where a class has none.
    ttft_seconds: float = 2.0
    kv_utilization: float = 0.75
    # Parts of a replica that are not worth one.
    tolerance: float = 0.05

    # What a step of an engine costs until it is measured: a Llama 2 70B on four H100 (SageServe's performance data:
    # 28.5 ms, 0.36 ms per sequence, 0.107 ms per token of a prompt). Only the proportions matter: the scale is learned.
    step_seconds: float = 0.0285
    sequence_seconds: float = 0.00036
    prompt_token_seconds: float = 0.000107
    # Observations (one worker, ten seconds) before what was learned is used, and how soon half of one is forgotten.
    min_observations: float = 6.0
    half_life_seconds: float = 1800.0
    # What the proportions above weigh against what was observed, in observations.
    prior_weight: float = 4.0
    # Requests at once that one replica takes: until it is learned, and at most by the time between two tokens, which
    # is to be under the floor or this many times what one request alone has.
    concurrency: float = 40.0
    inter_token_floor_seconds: float = 0.045
    inter_token_slowdown: float = 2.2
    # Of the requests that an engine ran while others had to wait for it.
    full_share: float = 1.0
    # Output of a request before any has ended.
    output_tokens: float = 200.0

    # Up to max(+8, four times as many) in 30 s; down by max(1, a quarter) in a minute.
    up: tuple[RatePolicy, ...] = (RatePolicy("Pods", 8, 30), RatePolicy("Percent", 300, 30))
    down: tuple[RatePolicy, ...] = (RatePolicy("Pods", 1, 60), RatePolicy("Percent", 25, 60))
    # The highest want of this time holds before fewer will do: at least so long,
    down_window_seconds: float = 60.0
    # and about as long as what a start would cost if it were wanted again: to hold a replica for as long as that costs
    # no more than twice the best in hindsight (Karlin, Manasse, Rudolph, Sleator, "Competitive snoopy caching", 1988).
    # Of the P90 of a start; wants are the highest of noisy ones, so that somewhat less than one is enough.
    window_cold_starts: float = 0.7
    # Those that stay may be this full, of their targets, after one is taken away.
    consolidation: float = 0.85

    # The objective's attainment: goal, how long it is missed before replicas are added, how long it is exceeded
    # before less is kept in reserve, and by how much.
    goal: float = 0.95
    burn_seconds: float = 120.0
    relief_seconds: float = 1800.0
    relief_margin: float = 0.01
    burn_factor: float = 0.95
    relief_factor: float = 1.01

    # Older than three rounds of reading, a reading is none; a clock may be ahead by so much.
    stale_seconds: float = 30.0
    ahead_seconds: float = 5.0
    # A wake mark that was already there when the operator started counts if it is no older than this.
    mark_seconds: float = 60.0
    # Cold starts (P90) after a wake before the pool may sleep again.
    wake_cold_starts: float = 2.0
    # What engines say to run or to wait, without a token of progress while no gateway holds a request for so long,
    # has been left behind.
    ghost_seconds: float = 120.0

    def covered(self, qos_class: QosClass) -> float:
        """Return the share of the ten-second bins that a class is to have enough replicas for."""
        return {"high": self.covered_high, "medium": self.covered_medium, "low": self.covered_low}[qos_class]


DEFAULT = Tuning()
