import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.model.retry import DEFAULT_MAX_RETRIES, backoff_seconds, is_retried

DRAWS = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("retry", "draw", "seconds"),
    [(1, 0.0, 1), (1, 0.5, 1.5), (2, 0.0, 2), (3, 0.0, 4), (3, 0.5, 6), (8, 0.0, 128), (9, 0.0, 150), (1000, 0.0, 150)],
)
def test_the_delay_doubles_up_to_the_cap(retry: int, draw: float, seconds: float) -> None:
    assert backoff_seconds(retry, draw) == seconds


@given(st.integers(1, 10**9), DRAWS)
def test_a_delay_is_between_a_second_and_five_minutes(retry: int, draw: float) -> None:
    assert 1 <= backoff_seconds(retry, draw) <= 300


@given(st.integers(1, 7), DRAWS, DRAWS)
def test_below_the_cap_a_later_retry_never_waits_less(retry: int, draw: float, other: float) -> None:
    assert backoff_seconds(retry, draw) <= backoff_seconds(retry + 1, other)


def test_a_run_is_retried_as_often_as_it_may_be() -> None:
    retries = 0
    while is_retried(transient=True, retry_count=retries, max_retries=DEFAULT_MAX_RETRIES):
        retries += 1
    assert retries == 3


@pytest.mark.parametrize(("transient", "retry_count", "max_retries"), [(False, 0, 3), (True, 0, 0), (True, 4, 3)])
def test_not_retried(*, transient: bool, retry_count: int, max_retries: int) -> None:
    assert not is_retried(transient=transient, retry_count=retry_count, max_retries=max_retries)
