"""What a simulated engine computes in a step, and what a request gets when."""

import pytest

from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.scheduler import Scheduler, TooLong
from tidegate_bench.sim.sequence import Prompt, Sequence, text

# A step takes a second, a token of a prompt a hundredth: times in these tests are read off.
PROFILE = Profile(
    step_seconds=1.0,
    prefill_token_seconds=0.01,
    decode_seq_seconds=0.0,
    context_token_seconds=0.0,
    max_num_seqs=4,
    max_num_batched_tokens=100,
    max_model_len=256,
    num_gpu_blocks=16,
    lora_load_seconds=5.0,
    max_loras=1,
)


def changed(**fields: object) -> Profile:
    return Profile(**{name: getattr(PROFILE, name) for name in Profile.__struct_fields__} | fields)


def ask(content: bytes, tokens: int = 1, **options: object) -> Sequence:
    """Return a sequence whose prompt starts with `content`, filled up to whole tokens."""
    return Sequence(Prompt(content, 16, options.get("adapter")), tokens, **options)  # type: ignore[arg-type]


def prompt(letter: bytes, tokens: int) -> bytes:
    return letter * (4 * tokens)


class Run:
    """Steps a scheduler and notes when each sequence got its tokens."""

    def __init__(self, profile: Profile = PROFILE) -> None:
        self.scheduler = Scheduler(profile)
        self.now = 0.0
        self.times: dict[Sequence, list[float]] = {}

    def submit(self, *sequences: Sequence) -> None:
        for sequence in sequences:
            self.scheduler.submit(sequence, self.now)

    def step(self, count: int = 1) -> list[Sequence]:
        advanced: list[Sequence] = []
        for _ in range(count):
            seconds = self.scheduler.begin(self.now)
            assert seconds is not None
            self.now += seconds
            advanced = self.scheduler.end(self.now)
            for sequence in advanced:
                self.times.setdefault(sequence, []).append(round(self.now, 6))
        return advanced

    def drain(self) -> None:
        while (seconds := self.scheduler.begin(self.now)) is not None:
            self.now += seconds
            for sequence in self.scheduler.end(self.now):
                self.times.setdefault(sequence, []).append(round(self.now, 6))


def test_the_first_token_comes_with_the_step_that_ends_the_prompt_then_one_a_step() -> None:
    run, one = Run(), ask(prompt(b"a", 50), 3)
    run.submit(one)
    run.drain()
    assert run.times[one] == [1.5, 2.5, 3.5]
    assert one.ended
    assert run.scheduler.begin(run.now) is None


def test_a_long_prompt_is_computed_in_chunks_of_the_token_budget() -> None:
    run, one = Run(), ask(prompt(b"a", 250))
    run.submit(one)
    assert run.step(2) == []
    assert run.step() == [one]
    assert run.times[one] == [pytest.approx(3 + 2.5)]


def test_running_requests_decode_while_a_chunk_is_computed() -> None:
    run, first, second = Run(), ask(prompt(b"a", 10), 9), ask(prompt(b"b", 150))
    run.submit(first)
    run.step()
    run.submit(second)
    assert run.step() == [first], "99 of the 100 tokens went to the prompt"
    assert second.computed == 99
    assert run.step() == [first, second]


def test_no_more_than_max_num_seqs_run() -> None:
    run, all_of_them = Run(), [ask(prompt(bytes([65 + i]), 4), 9) for i in range(6)]
    run.submit(*all_of_them)
    assert len(run.step()) == 4
    assert (len(run.scheduler.running), run.scheduler.waiting) == (4, 2)


def test_fcfs_is_by_arrival_whatever_the_priority_says() -> None:
    run = Run(changed(scheduling_policy="fcfs", max_num_seqs=1))
    low, high = ask(prompt(b"a", 4), priority=5), ask(prompt(b"b", 4), priority=-5)
    run.submit(low, high)
    assert run.step() == [low]


def test_with_priorities_the_lower_number_goes_first_and_then_who_came_first() -> None:
    run = Run(changed(max_num_seqs=1))
    made = [ask(prompt(bytes([65 + i]), 4), priority=p) for i, p in enumerate((5, -5, 0, -5))]
    run.submit(*made)
    order = [run.step()[0] for _ in made]
    assert order == [made[1], made[3], made[2], made[0]]


def test_a_shared_prefix_is_computed_once() -> None:
    run, shared = Run(), prompt(b"s", 64)
    first, second = ask(shared + prompt(b"a", 16)), ask(shared + prompt(b"b", 20))
    run.submit(first)
    run.step()
    run.submit(second)
    run.step()
    assert (first.cached_tokens, second.cached_tokens) == (0, 64)
    assert run.times[second] == [pytest.approx(run.times[first][0] + 1 + 0.2)]
    counted = run.scheduler.statistics
    assert (counted.queried_tokens, counted.cached_tokens, counted.prompt_tokens) == (164, 64, 164)


def test_a_prompt_that_is_cached_whole_is_still_computed_from_its_last_block() -> None:
    run, content = Run(), prompt(b"s", 64)
    run.submit(ask(content))
    run.step()
    again = ask(content)
    run.submit(again)
    run.step()
    assert again.cached_tokens == 48


def test_an_answer_that_comes_back_in_the_next_prompt_is_cached() -> None:
    run, content = Run(), b"x" * 61
    first = ask(content, 40)
    run.submit(first)
    run.drain()
    second = ask(content + text(0, 40) + prompt(b"b", 30))
    run.submit(second)
    run.drain()
    assert second.cached_tokens == 48, "61 bytes and 39 tokens are in the cache: three blocks and a part"


@pytest.mark.parametrize("seeds", [(None, "salt"), ("salt", "pepper")], ids=str)
def test_another_salt_or_adapter_shares_nothing(seeds: tuple[str | None, str | None]) -> None:
    run, content = Run(), prompt(b"s", 64)
    made = [Sequence(Prompt(content, 16, seed), 2) for seed in seeds]
    for sequence in made:
        run.submit(sequence)
        run.drain()
    assert [sequence.cached_tokens for sequence in made] == [0, 0]


def test_without_prefix_caching_nothing_is_found() -> None:
    run, content = Run(changed(enable_prefix_caching=False)), prompt(b"s", 64)
    for _ in range(2):
        run.submit(ask(content))
        run.drain()
    assert run.scheduler.statistics.cached_tokens == 0
    assert run.scheduler.pool.cached == 0


def test_who_comes_last_gives_way_when_memory_runs_out_and_is_computed_again() -> None:
    run = Run(changed(scheduling_policy="fcfs"))
    first, second = ask(prompt(b"a", 126), 20), ask(prompt(b"b", 126), 20)
    run.submit(first, second)
    run.drain()
    assert (first.preemptions, second.preemptions) == (0, 1)
    assert run.scheduler.statistics.preemptions == 1
    assert (first.generated, second.generated) == (20, 20)
    assert run.scheduler.pool.free == 16
    assert run.scheduler.statistics.queried_tokens == 252, "looking again is not counted again"


def test_with_priorities_the_least_important_gives_way_even_if_it_came_first() -> None:
    run = Run()
    low, high, other = (
        ask(prompt(bytes([65 + i]), n), 20, priority=p)
        for i, (n, p) in enumerate(((120, 1), (109, 0), (4, 0)))
    )
    run.submit(low)
    run.step(2)
    run.submit(high, other)
    while not low.preemptions:
        advanced = run.step()
    assert advanced == [high, other], "the others go on in the same step"
    assert low.computed == 0, "it had a place in that step, and lost it"
    run.drain()
    assert (low.preemptions, high.preemptions, low.generated) == (1, 0, 20)


def test_who_gave_way_goes_before_those_who_came_later() -> None:
    run = Run(changed(scheduling_policy="fcfs", max_num_seqs=2))
    first, second, third = (ask(prompt(bytes([65 + i]), n), 20) for i, n in enumerate((126, 126, 126)))
    run.submit(first, second, third)
    run.drain()
    assert second.preemptions == 1
    assert second.first_token_at < third.first_token_at


def test_nobody_is_admitted_in_a_step_that_preempted() -> None:
    run = Run()
    first, second = ask(prompt(b"a", 126), 20), ask(prompt(b"b", 126), 20, priority=1)
    third = ask(prompt(b"c", 4), 20)
    run.submit(first, second)
    run.step(3)
    run.submit(third)
    while not second.preemptions:
        run.step()
    assert (run.scheduler.running, third.computed) == ([first], 0)
    run.step()
    assert run.scheduler.running == [first, third]


def test_a_prompt_waits_until_all_of_it_fits() -> None:
    run = Run()
    first, second = ask(prompt(b"a", 200), 3), ask(prompt(b"b", 100))
    run.submit(first)
    run.step(2)
    run.submit(second)
    run.step(2)
    assert second.computed == 0
    run.drain()
    assert second.ended


def test_an_abort_frees_memory_at_once() -> None:
    run = Run()
    running, waiting = ask(prompt(b"a", 30), 50), ask(prompt(b"b", 30), 50)
    run.submit(running)
    run.step(2)
    run.submit(waiting)
    for sequence in (running, waiting, waiting):
        run.scheduler.abort(sequence)
    assert (run.scheduler.pool.free, run.scheduler.waiting, run.scheduler.running) == (16, 0, [])
    assert run.scheduler.begin(run.now) is None
    assert run.scheduler.statistics.finished["abort"] == 2


def test_who_is_aborted_within_a_step_gets_no_token_from_it() -> None:
    run, one, other = Run(), ask(prompt(b"a", 30), 5), ask(prompt(b"b", 30), 5)
    run.submit(one, other)
    assert run.scheduler.begin(0.0) is not None
    run.scheduler.abort(one)
    assert run.scheduler.end(2.0) == [other]


def test_an_adapter_is_loaded_once_and_one_too_many_waits_while_others_pass() -> None:
    run = Run()
    made = [
        ask(prompt(b"a", 4), 3, adapter="x"),
        ask(prompt(b"b", 4), 1, adapter="y"),
        ask(prompt(b"c", 4), 1),
    ]
    run.submit(*made)
    first = run.step()
    assert first == [made[0], made[2]]
    assert run.times[made[0]] == [pytest.approx(1 + 5 + 0.08)]
    run.step()
    assert run.times[made[0]][1] == pytest.approx(run.times[made[0]][0] + 1)
    run.drain()
    assert made[1].ended
    assert run.times[made[1]][0] - run.times[made[0]][2] == pytest.approx(1 + 5 + 0.04)


def test_a_request_without_text_is_done_with_its_prompt() -> None:
    run, one = Run(), ask(prompt(b"a", 40), 0)
    run.submit(one)
    assert run.step() == [one]
    assert (one.ended, one.generated) == (True, 0)


def test_a_prompt_that_can_never_fit_is_refused() -> None:
    with pytest.raises(TooLong, match="256 tokens leaves no room in 256"):
        Run().submit(ask(prompt(b"a", 256)))


def test_a_restart_forgets() -> None:
    run, content = Run(), prompt(b"s", 64)
    run.submit(ask(content))
    run.drain()
    run.scheduler.reset()
    again = ask(content)
    run.submit(again)
    run.drain()
    assert again.cached_tokens == 0
    assert run.scheduler.statistics.prompt_tokens == 64
