from hypothesis import given
from hypothesis import strategies as st

from supervisor.dashboard.picture.room import share_out


def test_what_one_leaves_goes_to_the_others() -> None:
    assert share_out(12, [20, 20, 20], [3, 2, 1]) == [6, 4, 2]
    assert share_out(12, [2, 20, 20], [3, 2, 1]) == [2, 7, 3]
    assert share_out(1, [20, 20, 20], [3, 2, 1]) == [1, 0, 0]


@given(st.integers(0, 60), st.lists(st.tuples(st.integers(0, 80), st.integers(1, 5)), max_size=4))
def test_all_is_given_and_nobody_gets_more_than_it_wants(room: int, askers: list[tuple[int, int]]) -> None:
    wanted = [want for want, _ in askers]
    got = share_out(room, wanted, [weight for _, weight in askers])
    assert sum(got) == min(room, sum(wanted))
    assert all(one <= want for one, want in zip(got, wanted, strict=True))
