import pytest

from supervisor.dashboard.pace import Pace


def test_nobody_can_tell_a_pace_before_there_is_one() -> None:
    pace = Pace()
    assert (pace.per_second(7), pace.seconds_left(7, 10)) == (None, None)
    pace.note(0, 0)
    pace.note(2, 10)
    assert pace.per_second(2.9) is None
    assert pace.per_second(4) == 2.5
    assert pace.seconds_left(4, 10) == 4


def test_what_came_in_a_burst_is_forgotten_after_a_minute() -> None:
    pace = Pace()
    pace.note(0, 1000)
    for second in range(1, 200):
        pace.note(second, 1000 + 2 * second)
    assert pace.per_second(199) == pytest.approx(2)


def test_who_stands_still_becomes_slower_and_never_ends() -> None:
    pace = Pace()
    pace.note(0, 0)
    pace.note(5, 10)
    assert pace.per_second(10) == 1
    assert pace.per_second(100) == 0.1
    assert pace.seconds_left(100, 100_000) is None


def test_what_begins_anew_is_measured_anew() -> None:
    pace = Pace()
    pace.note(0, 0)
    pace.note(10, 500)
    pace.note(20, 0)
    pace.note(30, 10)
    assert pace.per_second(30) == 1


def test_a_second_of_many_notes_is_remembered_as_two() -> None:
    pace = Pace()
    for number in range(10_000):
        pace.note(number / 10_000, number)
    assert len(pace._seen) <= 4
