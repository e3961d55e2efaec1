from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.model.lease import (
    DEFAULT_LEASE_SECONDS,
    MIN_LEASE_SECONDS,
    WORKER_OFFLINE_SECONDS,
    beat_interval,
    is_expired,
)

BEAT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("lease", "interval"), [(MIN_LEASE_SECONDS, 1), (30, 5), (DEFAULT_LEASE_SECONDS, 10), (600, 10)]
)
def test_beats_come_six_times_in_a_lease_and_every_ten_seconds_at_least(lease: float, interval: float) -> None:
    assert beat_interval(lease) == interval


@given(st.floats(MIN_LEASE_SECONDS, 1e6))
def test_two_beats_can_fail_before_anybody_takes_notice(lease: float) -> None:
    assert 3 * beat_interval(lease) <= min(lease, WORKER_OFFLINE_SECONDS)


@pytest.mark.parametrize(("silent_seconds", "expired"), [(-5, False), (0, False), (60, False), (60.000001, True)])
def test_a_lease_expires_when_it_is_over(silent_seconds: float, *, expired: bool) -> None:
    assert is_expired(BEAT, 60, at=BEAT + timedelta(seconds=silent_seconds)) is expired


def test_a_claim_without_a_beat_is_expired() -> None:
    assert is_expired(None, 60, at=BEAT)
