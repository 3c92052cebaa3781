"""A fixed small number of examples of each target; `make fuzz` tries others, for as long as it is told."""

import pytest
from hypothesis import HealthCheck, settings

from fuzz.targets import TARGETS, Target

EXAMPLES = 60


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_the_property_of_a_target_holds(target: Target) -> None:
    settings(max_examples=EXAMPLES, derandomize=True, database=None, suppress_health_check=list(HealthCheck))(
        target
    )()


def test_there_is_a_target_for_whatever_comes_from_outside() -> None:
    assert len(TARGETS) >= 12
    assert [name for name, target in TARGETS.items() if not target.__doc__] == []
