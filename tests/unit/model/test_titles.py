import pytest

from supervisor.errors import UsageError
from supervisor.model.titles import LONGEST_TITLE, check_title, title_of_runs


def test_a_title_is_a_line_that_lists_have_room_for() -> None:
    assert check_title("n" * LONGEST_TITLE) == "n" * LONGEST_TITLE
    with pytest.raises(UsageError, match="a title of 1,000,000 characters is too long"):
        check_title("n" * 1_000_000)
    with pytest.raises(UsageError, match="needs a title"):
        check_title(" ")


@pytest.mark.parametrize("length", [1, 10, 100])
def test_many_runs_are_named_as_far_as_there_is_room(length: int) -> None:
    run_ids = [f"{number:0{length}}" for number in range(2_000)]
    named, _, more = title_of_runs(run_ids).removesuffix(" more").rpartition(" and ")
    assert len(title_of_runs(run_ids)) <= LONGEST_TITLE
    assert named.split(", ") == run_ids[: 2_000 - int(more.replace(",", ""))]
    assert title_of_runs(["a", "b"]) == "a, b"
