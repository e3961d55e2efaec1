import pytest

from supervisor.model.near import near_hint

KNOWN = ["letters", "Letters-1921", "books", "Night of 21 November", "atlas", "minutes"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("bocks", "did you mean 'books'?"),
        ("leters", "did you mean 'letters' or 'Letters-1921'?"),
        ("LETTERS", "did you mean 'letters' or 'Letters-1921'?"),
        ("Nigth", "did you mean 'Night of 21 November'?"),
        ("zzz", "there are: letters, Letters-1921, books, Night of 21 November, atlas, …"),
    ],
)
def test_what_is_near_is_offered_before_what_there_is(name: str, hint: str) -> None:
    assert near_hint(name, KNOWN, none="nothing") == hint


def test_where_there_is_nothing_that_is_said() -> None:
    assert near_hint("letters", [], none="nothing was ever made") == "nothing was ever made"
