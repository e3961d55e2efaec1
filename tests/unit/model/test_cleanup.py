from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from supervisor.model.cleanup import (
    ArtifactFacts,
    DropTrash,
    Facts,
    Keep,
    Policy,
    RemoveArtifacts,
    RemoveWorkspace,
    Rest,
    TrashFacts,
    WorkspaceFacts,
    plan,
)

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
WORKSPACE = WorkspaceFacts("a", Path("workspaces/a"), None, Rest(NOW - timedelta(days=7), "it was made"), (), (), 5)
FOLDER = ArtifactFacts(
    "a", Path("a"), None, Rest(NOW - timedelta(days=7), "its run ended"), (Path("a/output"),), (), size_bytes=5
)
BY_AGE = Policy(days=7, artifacts=True, trash=True)


def test_a_workspace_without_work_is_removed_when_it_is_old_enough() -> None:
    removal = RemoveWorkspace("a", WORKSPACE.path, WORKSPACE.rest, (), 5)
    assert plan(Facts([WORKSPACE]), Policy(), NOW) == [removal]
    assert plan(Facts([WORKSPACE]), Policy(days=7), NOW) == [removal]
    young = Keep(WORKSPACE.path, "it was made 6 days ago", young=True)
    assert plan(Facts([WORKSPACE]), Policy(days=7), NOW - timedelta(seconds=1)) == [young]
    assert plan(Facts([WORKSPACE]), Policy(days=0), NOW - timedelta(days=7)) == [removal]


def test_work_is_kept_or_saved() -> None:
    worked_in = replace(WORKSPACE, work=("1 new file", "1 commit"))
    assert plan(Facts([worked_in]), Policy(), NOW) == [Keep(WORKSPACE.path, "1 new file; 1 commit")]
    assert plan(Facts([worked_in]), Policy(force=True), NOW) == [
        RemoveWorkspace("a", WORKSPACE.path, WORKSPACE.rest, worked_in.work, 5)
    ]
    assert plan(Facts([worked_in]), Policy(days=8, force=True), NOW) == [
        Keep(WORKSPACE.path, "it was made 7 days ago", young=True)
    ]
    cannot = replace(worked_in, obstacles=("a socket", "a lock"))
    assert plan(Facts([cannot]), Policy(force=True), NOW) == [Keep(WORKSPACE.path, "a socket; a lock")]


@pytest.mark.parametrize("policy", [Policy(), Policy(force=True), replace(BY_AGE, force=True)])
def test_what_is_needed_is_kept_whatever_is_asked(policy: Policy) -> None:
    facts = Facts([replace(WORKSPACE, in_use="held")], [replace(FOLDER, in_use="its run is queued")])
    assert plan(facts, policy, NOW) == [Keep(Path("workspaces/a"), "held"), Keep(Path("a"), "its run is queued")]


def test_results_go_when_the_end_of_their_run_is_long_ago() -> None:
    removal = RemoveArtifacts("a", Path("a"), (Path("a"),), Rest(NOW - timedelta(days=7), "its run ended"), 5)
    assert plan(Facts(artifacts=[FOLDER]), BY_AGE, NOW) == [removal]
    young = Keep(Path("a"), "its run ended 6 days ago", young=True)
    assert plan(Facts(artifacts=[FOLDER]), BY_AGE, NOW - timedelta(hours=1)) == [young]
    unknown = replace(FOLDER, rest=None)
    assert plan(Facts(artifacts=[unknown]), BY_AGE, NOW) == [Keep(Path("a"), "no run of that name is on record here")]
    assert plan(Facts(artifacts=[replace(FOLDER, ours=())]), BY_AGE, NOW) == [removal]


def test_what_is_not_ours_is_kept_and_named() -> None:
    mixed = replace(FOLDER, others=(Path("a/notes"),))
    assert plan(Facts(artifacts=[mixed], unknown=[Path("thesis")]), BY_AGE, NOW) == [
        RemoveArtifacts("a", Path("a"), (Path("a/output"),), FOLDER.rest or WORKSPACE.rest, 5),
        Keep(Path("a/notes"), "it is not ours"),
        Keep(Path("thesis"), "it is not ours"),
    ]
    theirs = replace(FOLDER, ours=(), others=(Path("a/notes"),))
    assert plan(Facts(artifacts=[theirs]), BY_AGE, NOW) == [Keep(Path("a/notes"), "it is not ours")]


def test_what_was_saved_goes_by_age() -> None:
    old, new = (TrashFacts(f"r{days}", "c", NOW - timedelta(days=days)) for days in (8, 6))
    assert plan(Facts(trash=[old, new]), BY_AGE, NOW) == [DropTrash("r8", "c", old.saved_at)]


@pytest.mark.parametrize("what", [{"artifacts": True}, {"trash": True}])
def test_what_cannot_be_had_again_is_never_removed_without_an_age(what: dict[str, bool]) -> None:
    with pytest.raises(ValueError, match="by age alone"):
        Policy(**what)


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(days=-1), "less than an hour ago"),
        (timedelta(minutes=90), "1 hour ago"),
        (timedelta(hours=47), "47 hours ago"),
        (timedelta(hours=49), "2 days ago"),
    ],
)
def test_ages_are_said_in_words(age: timedelta, said: str) -> None:
    facts = replace(WORKSPACE, rest=Rest(NOW - age, "it was made"))
    assert plan(Facts([facts]), BY_AGE, NOW) == [Keep(WORKSPACE.path, f"it was made {said}", young=True)]
