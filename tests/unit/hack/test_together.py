"""Which files of tests run in one process."""

from pathlib import Path

import pytest

from e2e import turns
from together import PORT_8000, group_of

TESTS = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        pytest.param(
            "integration/worker/test_fit.py", "integration/worker/test_engine.py", True, id="engines"
        ),
        pytest.param(
            "integration/operator/test_models.py",
            "integration/operator/test_real_loader.py",
            True,
            id="a port",
        ),
        pytest.param(
            "integration/cli/test_models.py", "integration/operator/test_models.py", False, id="a name"
        ),
        pytest.param("e2e/test_workers.py", "e2e/test_tenants.py", True, id="the demo's service"),
        pytest.param(
            "e2e/test_of_anything.py", "e2e/test_workers.py", True, id="a story that nobody has placed"
        ),
        pytest.param("e2e/test_scaling.py", "e2e/test_rollouts.py", False, id="services of their own"),
        pytest.param("unit/test_a.py", "unit/test_b.py", False, id="all else"),
    ],
)
def test_files_share_a_process(one: str, other: str, together: bool) -> None:
    assert (group_of(f"tests/{one}") == group_of(f"tests/{other}")) is together


def test_a_story_that_nobody_has_placed_finds_the_demo_s_service_as_it_was() -> None:
    assert turns.turn_of("test_tenants") < turns.turn_of("test_of_anything") < turns.turn_of("test_workers")


def test_what_is_named_is_there() -> None:
    assert all((TESTS / "integration" / "operator" / name).is_file() for name in PORT_8000)
    assert all((TESTS / "e2e" / f"{name}.py").is_file() for name in turns.ORDER)
