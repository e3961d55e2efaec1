import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.model.lanes import LaneError, parse_lanes

RUNS = ["letters", "books", "MAPS"]
LANES = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,39}\Z")


@pytest.mark.parametrize(
    ("values", "lanes"),
    [
        ([], {}),
        (["A"], {"letters": "A", "books": "A", "MAPS": "A"}),
        (["A=books"], {"books": "A"}),
        (["A=books", "B"], {"letters": "B", "books": "A", "MAPS": "B"}),
        (["B", "A=books"], {"letters": "B", "books": "A", "MAPS": "B"}),
        (["A=letters,books", "B=MAPS"], {"letters": "A", "books": "A", "MAPS": "B"}),
        (["A=letters", "A=MAPS"], {"letters": "A", "MAPS": "A"}),
        ([" A = letters , MAPS "], {"letters": "A", "MAPS": "A"}),
        (["A", "A=books"], {"letters": "A", "books": "A", "MAPS": "A"}),
        (
            ["2026-03_late.scans"],
            {"letters": "2026-03_late.scans", "books": "2026-03_late.scans", "MAPS": "2026-03_late.scans"},
        ),
    ],
)
def test_runs_are_placed(values: list[str], lanes: dict[str, str]) -> None:
    assert parse_lanes(values, RUNS) == lanes


def test_lanes_come_in_the_order_of_the_runs() -> None:
    assert list(parse_lanes(["A=MAPS", "B"], RUNS)) == RUNS


@given(LANES, st.data())
def test_what_was_placed_is_found_there(general: str, data: st.DataObject) -> None:
    run_ids = data.draw(st.lists(LANES, unique_by=str.lower, max_size=6))
    wanted = {run_id: data.draw(st.none() | LANES) for run_id in run_ids}
    values = [f"{lane}={run_id}" for run_id, lane in wanted.items() if lane is not None]
    assert parse_lanes(values, run_ids) == {run_id: lane for run_id, lane in wanted.items() if lane is not None}
    values = data.draw(st.permutations([*values, general]))
    assert parse_lanes(values, run_ids) == {run_id: lane or general for run_id, lane in wanted.items()}


@pytest.mark.parametrize(
    ("values", "reason", "hint"),
    [
        ([""], "lane '' is not allowed", "--lane A=a,b"),
        (["=letters"], "lane '' is not allowed", "--lane A=a,b"),
        (["A,B"], "lane 'A,B' is not allowed", "repeat the option"),
        (["-A"], "begins with a letter or digit", "--lane A"),
        (["a b"], "letters, digits", "--lane A"),
        (["\N{ARABIC-INDIC DIGIT ONE}"], "letters, digits", "--lane A"),
        (["A" * 41], "1 to 40", "--lane A"),
        (["A="], "an empty place", "--lane A=a,b, or --lane A for all runs"),
        (["A=letters,"], "an empty place", "--lane A=a,b"),
        (["A=letters,,books"], "an empty place", "--lane A=a,b"),
        (["A=leters"], "run 'leters', which is none", "did you mean 'letters'?"),
        (["A=maps"], "run 'maps', which is none", "did you mean 'MAPS'?"),
        (["A=LETTERS"], "run 'LETTERS', which is none", "did you mean 'letters'?"),
        (["A=zzz"], "run 'zzz', which is none", "--run-ids"),
        (["A=books", "B=letters,books"], "'books' is placed in lane 'A' and in lane 'B'", "once"),
        (["A", "B"], "lanes 'A' and 'B' are both for all runs", "--lane B=RUN,RUN"),
        (["A", "A=books", "A"], "lanes 'A' and 'A' are both for all runs", "one lane"),
    ],
)
def test_refused(values: list[str], reason: str, hint: str) -> None:
    with pytest.raises(LaneError) as caught:
        parse_lanes(values, RUNS)
    assert reason in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.message


@given(st.lists(st.text(max_size=12) | st.text("AB=, abc", max_size=12), max_size=4))
def test_whatever_is_typed_is_placed_or_refused(values: list[str]) -> None:
    try:
        lanes = parse_lanes(values, ["a", "b", "c"])
    except LaneError:
        return
    typed = {value.partition("=")[0].strip() for value in values}
    assert set(lanes) <= {"a", "b", "c"}
    assert set(lanes.values()) <= typed
