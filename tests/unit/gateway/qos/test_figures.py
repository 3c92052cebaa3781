"""What metrics and status show."""

from unit.gateway.qos.rig import Rig, dedicated


def test_credits_and_requests_of_a_pool() -> None:
    rig = Rig(shared=[100, 200])
    for _ in range(4):
        rig.submit("medium")
    (pool,) = rig.dispatcher.figures()
    assert (pool.name, pool.credits_used, pool.credits_limit) == ("shared", 300, 300)
    figures = rig.figures("shared", "medium")
    assert (figures.queued, figures.running) == (1, 3)
    assert (figures.admitted_requests, figures.admitted_tokens, figures.spilled) == (3, 300, 0)


def test_a_share_is_of_the_tokens_of_the_last_minute() -> None:
    rig = Rig(shared=[10_000])
    assert rig.figures("shared", "high").share is None
    rig.end(rig.submit("high", 300))
    rig.end(rig.submit("low", 100))
    assert rig.figures("shared", "high").share == 0.75
    rig.wait(30)
    rig.end(rig.submit("low", 200))
    assert rig.figures("shared", "high").share == 0.5
    rig.wait(40)
    assert rig.figures("shared", "high").share == 0.0
    assert rig.figures("shared", "low").share == 1.0
    rig.wait(30)
    assert rig.figures("shared", "low").share is None


def test_classes_are_shown_where_they_are_at_home_or_were_served() -> None:
    rig = Rig(classes=dedicated(high=0.7), high=[100], shared=[100])
    names = {pool.name: [c.name for c in pool.classes] for pool in rig.dispatcher.figures()}
    assert names == {"high": ["high"], "shared": ["medium", "low"]}
    for _ in range(2):
        rig.submit("low")
    rig.submit("low")
    names = {pool.name: [c.name for c in pool.classes] for pool in rig.dispatcher.figures()}
    assert names == {"high": ["high", "low"], "shared": ["medium", "low"]}
    assert (rig.figures("high", "low").running, rig.figures("high", "low").queued) == (1, 0)
    assert rig.figures("shared", "low").queued == 1


def test_a_pool_that_is_gone_is_shown_until_its_last_request_has_ended() -> None:
    rig = Rig(shared=[100], old=[100])
    rig.submit("low")
    last = rig.submit("low")
    rig.update(old=[])
    assert {pool.name for pool in rig.dispatcher.figures()} == {"shared", "old"}
    rig.end(last)
    rig.update()
    assert {pool.name for pool in rig.dispatcher.figures()} == {"shared"}
