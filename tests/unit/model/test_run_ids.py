import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.model.run_ids import RunIdError, RunSelection, check_distinct, check_run_id, parse_selections

ALPHABET = "abYZ09._-"
ALLOWED = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z").filter(
    lambda text: (
        ".." not in text
        and not text.endswith((".", ".lock"))
        and text.lower() != "workspaces"
        and not text.lower().startswith("control.db")
    )
)


@given(ALLOWED)
def test_what_the_rules_allow_is_returned_unchanged(run_id: str) -> None:
    assert check_run_id(run_id) == run_id


@given(st.text(max_size=12) | st.text(ALPHABET, max_size=12))
def test_what_is_accepted_is_one_harmless_file_name(text: str) -> None:
    try:
        run_id = check_run_id(text)
    except RunIdError:
        return
    assert run_id == text
    assert run_id.isascii()
    assert run_id.isprintable()
    assert not set(run_id) & set("/\\ ~^:?*[@,")
    assert run_id[0] not in ".-_"


@settings(max_examples=25, deadline=None)
@given(ALLOWED)
def test_git_takes_what_is_accepted_as_the_end_of_a_ref(run_id: str) -> None:
    answer = subprocess.run(["git", "check-ref-format", f"refs/supervisor/runs/{run_id}"], check=False)
    assert answer.returncode == 0


@pytest.mark.parametrize(
    "run_id", ["a", "Z", "0", "a" * 100, "a.b", "a_b-c.d", "a-", "a_", "a.locks", "lock", "control"]
)
def test_allowed(run_id: str) -> None:
    assert check_run_id(run_id) == run_id


@pytest.mark.parametrize(
    ("run_id", "reason"),
    [
        ("", "empty"),
        ("../x", "begins with"),
        ("-x", "begins with"),
        (".x", "begins with"),
        ("_x", "begins with"),
        ("a..b", "contains '..'"),
        ("a.lock", "ends in '.lock'"),
        ("a.", "ends in '.'"),
        ("a/b", "letters, digits"),
        ("a b", "letters, digits"),
        ("a\n", "letters, digits"),
        ("a\0", "letters, digits"),
        ("ä", "letters, digits"),
        ("\N{ARABIC-INDIC DIGIT ONE}", "letters, digits"),
        ("a" * 101, "1 to 100"),
        ("workspaces", "files of its own"),
        ("Workspaces", "files of its own"),
        ("control.db", "files of its own"),
        ("control.db-wal", "files of its own"),
        ("Control.DB.x", "files of its own"),
    ],
)
def test_refused(run_id: str, reason: str) -> None:
    with pytest.raises(RunIdError) as caught:
        check_run_id(run_id)
    assert reason in caught.value.message
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.message


def test_selections_keep_their_order_and_refs() -> None:
    assert parse_selections(["b@main, a", "c@v1.2", "d@x@y"]) == [
        RunSelection("b", "main"),
        RunSelection("a"),
        RunSelection("c", "v1.2"),
        RunSelection("d", "x@y"),
    ]


@given(
    st.lists(st.tuples(ALLOWED, st.none() | st.from_regex(r"\A[a-z]{1,5}/[a-z0-9.]{1,5}\Z")), min_size=1, max_size=6)
)
def test_selections_survive_being_typed(named: list[tuple[str, str | None]]) -> None:
    text = ",".join(run_id if ref is None else f"{run_id}@{ref}" for run_id, ref in named)
    lowered = [run_id.lower() for run_id, _ in named]
    if len(set(lowered)) < len(lowered):
        with pytest.raises(RunIdError):
            parse_selections([text])
    else:
        assert parse_selections([text]) == [RunSelection(run_id, ref) for run_id, ref in named]


@pytest.mark.parametrize("values", [["a,"], [","], [""], ["a,,b"], ["@main"]])
def test_an_empty_place_is_refused(values: list[str]) -> None:
    with pytest.raises(RunIdError, match="empty"):
        parse_selections(values)


def test_an_empty_ref_is_refused() -> None:
    with pytest.raises(RunIdError, match="empty ref"):
        parse_selections(["a@"])


@pytest.mark.parametrize(
    ("run_ids", "reason"), [(["a", "b", "a"], "'a' is named twice"), (["a", "A"], "'A' and 'a' differ only by case")]
)
def test_run_ids_must_be_distinct(run_ids: list[str], reason: str) -> None:
    with pytest.raises(RunIdError) as caught:
        check_distinct(run_ids)
    assert reason in caught.value.message
    with pytest.raises(RunIdError):
        check_distinct(["".join(list(run_id)) for run_id in run_ids])  # equal text in another object
    check_distinct(["a", "b", "c"])
