from hypothesis import given
from hypothesis import strategies as st

from supervisor.ocr.cache.memo import Memo
from support.clocks import HandClock


def memo(limit_bytes: int, clock: HandClock | None = None) -> Memo[str]:
    return Memo(limit_bytes=limit_bytes, lifetime_seconds=60, monotonic=(clock or HandClock()).monotonic)


def test_what_was_used_longest_ago_is_forgotten_first() -> None:
    found = memo(30)
    for key in "abc":
        found.put(key, key.upper(), 10)
    assert found.get("a") == "A"
    found.put("d", "D", 10)
    assert [found.get(key) for key in "abcd"] == ["A", None, "C", "D"]


def test_what_alone_is_too_large_is_not_remembered_and_drives_nobody_out() -> None:
    found = memo(30)
    found.put("a", "A", 10)
    found.put("b", "B", 31)
    assert [found.get(key) for key in "ab"] == ["A", None]


def test_a_value_that_is_put_again_counts_once() -> None:
    found = memo(30)
    for value in ("1", "2", "3", "4"):
        found.put("a", value, 10)
        found.put("b", value, 20)
    assert [found.get(key) for key in "ab"] == ["4", "4"]


def test_everything_is_forgotten_some_time() -> None:
    clock = HandClock()
    found = memo(30, clock)
    found.put("a", "A", 10)
    clock.seconds = 60
    assert found.get("a") == "A"
    clock.seconds = 60.1
    assert found.get("a") is None
    found.put("b", "B", 30)
    assert found.get("b") == "B"


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 40))))
def test_no_more_is_remembered_than_there_may_be(puts: list[tuple[str, int]]) -> None:
    found, sizes = memo(100), dict[str, int]()
    for key, size in puts:
        found.put(key, f"{size}", size)
        sizes[key] = size
        assert found.get(key) == f"{size}"
        there = [key for key in sizes if found.get(key) is not None]
        assert sum(sizes[key] for key in there) <= 100
        assert all(found.get(key) == f"{sizes[key]}" for key in there)
