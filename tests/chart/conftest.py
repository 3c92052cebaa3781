"""The chart with each set of values, or with one of them."""

from collections.abc import Callable

import pytest

from chart.rendering import SETS, Rendered, render


@pytest.fixture(params=SETS, ids=str)
def rendered(request: pytest.FixtureRequest) -> Rendered:
    """The chart with one of the sets."""
    return render(request.param)


@pytest.fixture(scope="session")
def chart() -> Callable[[str], Rendered]:
    """The chart with the set of that name."""
    return render
