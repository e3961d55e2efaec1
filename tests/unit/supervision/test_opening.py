from pathlib import Path

import pytest

from supervisor.artifacts.layout import RunsDirectory
from supervisor.errors import UsageError
from supervisor.store.databases import Databases
from supervisor.store.urls import sqlite_url
from supervisor.supervision.opening import check_policy, databases_for

SERVER = Databases("postgresql://db/ocr", per_run=None)
ONE_FILE = Databases("sqlite:///runs.db", per_run=None)
FILES = Databases("sqlite:///control.db", per_run=lambda run_id: Path(f"{run_id}.db"))


def said(databases: Databases, workers: int, lease_seconds: int = 60) -> list[str]:
    lines: list[str] = []
    check_policy(databases, workers, lease_seconds, lines.append)
    return lines


@pytest.mark.parametrize(("databases", "workers"), [(SERVER, 1), (SERVER, 64), (ONE_FILE, 1), (FILES, 1), (FILES, 4)])
def test_what_goes_well_is_not_talked_about(databases: Databases, workers: int) -> None:
    assert said(databases, workers) == []


def test_several_workers_cannot_share_one_file_and_are_told_of_both_ways_out() -> None:
    with pytest.raises(UsageError, match="2 workers cannot share one SQLite database") as caught:
        said(ONE_FILE, 2)
    assert caught.value.exit_code == 2
    assert caught.value.hint is not None
    assert "PostgreSQL" in caught.value.hint
    assert "--per-run-sqlite" in caught.value.hint


def test_many_workers_with_files_of_their_own_are_warned_of_the_control_database() -> None:
    assert len(said(FILES, 5)) == 1
    assert "5 workers take turns at one SQLite control database" in said(FILES, 5)[0]


def test_a_lease_in_which_no_beat_may_be_missed_is_refused() -> None:
    for databases in (SERVER, ONE_FILE, FILES):
        with pytest.raises(UsageError, match="a lease of 5 s is too short") as caught:
            said(databases, 1, lease_seconds=5)
        assert caught.value.exit_code == 2
        assert said(databases, 1, lease_seconds=6) == []


def test_what_no_machine_and_no_column_can_hold_is_refused() -> None:
    with pytest.raises(UsageError, match="1025 workers are too many"):
        said(SERVER, 1025)
    assert said(SERVER, 1024) == []
    with pytest.raises(UsageError, match="a lease of 2147483648 s is too long"):
        said(SERVER, 1, lease_seconds=2**31)
    assert said(SERVER, 1, lease_seconds=2**31 - 1) == []


@pytest.mark.parametrize(
    ("url", "per_run"), [(None, False), (None, True), ("", False), ("postgresql://db/ocr", True), ("no url", True)]
)
def test_without_a_database_to_share_each_run_has_one_in_the_runs_directory(
    tmp_path: Path, url: str | None, *, per_run: bool
) -> None:
    databases = databases_for(RunsDirectory(tmp_path), url, per_run_sqlite=per_run)
    assert (databases.shared, databases.is_sqlite) == (False, True)
    assert databases.control_url == sqlite_url(tmp_path / "control.db")
    assert databases.results_url("a") == sqlite_url(tmp_path / "a" / "a.db")


@pytest.mark.parametrize("url", ["postgresql+psycopg2://anna:s3cret@db/ocr", "sqlite:////srv/runs.db"])
def test_a_database_that_is_named_has_everything(tmp_path: Path, url: str) -> None:
    databases = databases_for(RunsDirectory(tmp_path), url, per_run_sqlite=False)
    assert databases.shared
    assert databases.control_url == databases.results_url("a") == url


@pytest.mark.parametrize("url", ["mysql://db/ocr", "db", "sqlite://"])
def test_other_databases_are_refused_before_anything_is_opened(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError) as caught:
        databases_for(RunsDirectory(tmp_path), url, per_run_sqlite=False)
    assert caught.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []
