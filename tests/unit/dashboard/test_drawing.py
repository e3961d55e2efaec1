import pytest
from rich.cells import cell_len

from supervisor.dashboard.drawing import bar, clock_time, fitted


@pytest.mark.parametrize(
    ("done", "total", "drawn"),
    [
        (0, 0, "────"),
        (0, 9, "────"),
        (8, 9, "━━━─"),
        (9, 9, "━━━━"),
        # Documents that were not opened yet may bring more than was thought.
        (10, 9, "━━━━"),
    ],
)
def test_a_bar_is_full_only_when_all_is_done(done: int, total: int, drawn: str) -> None:
    assert bar(done, total, 4, "cyan").plain == drawn


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-3, "0:00"), (0.4, "0:00"), (59.6, "1:00"), (750, "12:30"), (3599.7, "1:00:00"), (90_061, "25:01:01")],
)
def test_a_duration_reads_like_a_stopwatch(seconds: float, shown: str) -> None:
    assert clock_time(seconds) == shown


@pytest.mark.parametrize(
    ("text", "cells", "shown"),
    [
        ("letters", 7, "letters"),
        ("letters", 6, "lette…"),
        ("Night of November", 10, "Night of…"),
        ("漢字の手紙", 6, "漢字…"),
        ("letters", 1, "…"),
        ("letters", 0, ""),
    ],
)
def test_a_text_is_cut_to_its_room(text: str, cells: int, shown: str) -> None:
    assert fitted(text, cells) == shown
    assert cell_len(shown) <= cells
