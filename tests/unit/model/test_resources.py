import pytest

from supervisor.model.resources import Resources, together


def test_terms_add_up_but_for_the_memory_which_is_the_most_of_any() -> None:
    terms = [Resources(1.5, 300, 2.0, 0.5), Resources(0.25, 100, 1.0, 0.0), Resources(None, None, 4.0, 3.0)]
    assert together(terms) == Resources(1.75, 300, 7.0, 3.5)


def test_what_nobody_could_measure_is_not_called_nothing() -> None:
    assert together([Resources(None, None, 4.0, 3.0)]) == Resources(None, None, 4.0, 3.0)
    assert together([]) is None


def test_what_a_history_holds_is_read_as_it_was_written() -> None:
    for resources in (Resources(1.5, 300, 2.0, 0.5), Resources(None, None, 4.0, 3.0)):
        assert Resources.from_json(resources.to_json()) == resources


@pytest.mark.parametrize("other", [None, 3, {}, {"wall_seconds": "long", "queue_seconds": 1}, {"wall_seconds": 1}])
def test_what_another_program_wrote_is_none(other: object) -> None:
    assert Resources.from_json(other) is None
