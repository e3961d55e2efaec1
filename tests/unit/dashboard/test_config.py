import math

import pytest

from supervisor import DashboardConfig
from supervisor.errors import UsageError


@pytest.mark.parametrize("rate", [0, -1, math.inf, math.nan])
def test_a_rate_must_be_possible(rate: float) -> None:
    with pytest.raises(UsageError, match="a look every"):
        DashboardConfig(refresh_rate=rate)


@pytest.mark.parametrize("name", ["max_sessions_display", "max_workers_display"])
def test_something_is_to_be_shown(name: str) -> None:
    with pytest.raises(UsageError, match=name):
        DashboardConfig(**{name: 0})
