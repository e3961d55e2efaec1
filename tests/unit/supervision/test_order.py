import pytest

from supervisor.errors import UsageError
from supervisor.model.run_ids import RunSelection
from supervisor.store.runs import Handling
from supervisor.supervision.planning.order import Order, RunOptions


def test_what_is_left_out_is_as_usual() -> None:
    order = Order.of(["letters", RunSelection("books", "v1.2")], None)
    assert order.selections == [RunSelection("letters"), RunSelection("books", "v1.2")]
    assert (order.title, order.ref, list(order.job_files), order.working_tree) == ("letters, books", "HEAD", [], False)
    usual = Handling(lane=None, priority=100, max_retries=3, timeout_seconds=None)
    assert order.handling == {"letters": usual, "books": usual}


def test_what_is_asked_for_counts_for_every_run_and_lanes_for_theirs() -> None:
    options = RunOptions(
        ref="main",
        job_files=["ocr-jobs/x.toml"],
        working_tree=True,
        lanes=["A=a,c", "B"],
        priority=5,
        timeout_seconds=90,
        max_retries=0,
    )
    order = Order.of(["a", "b", "c"], "night", **options)
    assert (order.title, order.ref, list(order.job_files), order.working_tree) == (
        "night",
        "main",
        ["ocr-jobs/x.toml"],
        True,
    )
    assert {name: one.lane for name, one in order.handling.items()} == {"a": "A", "b": "B", "c": "A"}
    assert {(one.priority, one.timeout_seconds, one.max_retries) for one in order.handling.values()} == {(5, 90, 0)}


@pytest.mark.parametrize(
    ("run_ids", "options", "words"),
    [
        ([], {}, "no run is named"),
        (["a b"], {}, "run id 'a b' is not allowed"),
        (["a", "A"], {}, "differ only by case"),
        (["a", RunSelection("a", "main")], {}, "named twice"),
        (["a"], {"lanes": ["A=b"]}, "lane 'A' is given run 'b'"),
        (["a"], {"lanes": ["A", "B"]}, "both for all runs"),
        (["a"], {"lanes": [" "]}, "lane '' is not allowed"),
        (["a"], {"timeout_seconds": 0}, "a timeout of 0 s leaves no time"),
        (["a"], {"timeout_seconds": -1}, "a timeout of -1 s"),
        (["a"], {"max_retries": -1}, "-1 retries are not possible"),
        (["a"], {"priority": -1}, "a priority of -1 is not possible"),
        (["a"], {"priority": 2**31}, "priority 2147483648 is too large"),
        (["a"], {"timeout_seconds": 2**31}, "timeout_seconds 2147483648 is too large"),
        (["a"], {"max_retries": 2**31}, "max_retries 2147483648 is too large"),
    ],
)
def test_what_is_wrong_is_refused_in_words(run_ids: list[str | RunSelection], options: RunOptions, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        Order.of(run_ids, None, **options)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "options",
    [
        {"timeout_seconds": 1},
        {"timeout_seconds": None},
        {"max_retries": 0},
        {"priority": 0},
        {"timeout_seconds": 2**31 - 1, "max_retries": 2**31 - 1, "priority": 2**31 - 1},
    ],
)
def test_the_smallest_and_the_largest_numbers_are_allowed(options: RunOptions) -> None:
    handling = Order.of(["a"], None, **options).handling["a"]
    assert {name: getattr(handling, name) for name in options} == options
