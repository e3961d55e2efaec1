import click
import pytest

from supervisor.cli.options import WholeNumber


@pytest.mark.parametrize(("value", "number"), [("6", 6), (" 7 ", 7), (8, 8), ("2147483647", 2**31 - 1)])
def test_whole_numbers_are_taken_as_typed_and_as_files_have_them(value: object, number: int) -> None:
    assert WholeNumber(6).convert(value, None, None) == number


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("5", "5 is less than 6"),
        (2**31, "2147483648 is more than 2147483647"),
        (6.5, "6.5 is not a whole number"),
        ("many", "'many' is not a whole number"),
        (True, "True is not a whole number"),
        ([6], r"\[6\] is not a whole number"),
    ],
)
def test_others_are_refused(value: object, reason: str) -> None:
    with pytest.raises(click.BadParameter, match=reason):
        WholeNumber(6).convert(value, None, None)


def test_a_maximum_of_its_own_goes_before_that_of_databases() -> None:
    assert WholeNumber(1, 9).convert("9", None, None) == 9
    with pytest.raises(click.BadParameter, match="10 is more than 9"):
        WholeNumber(1, 9).convert("10", None, None)
