"""Where settings come from: command line over environment over files over defaults."""

from pathlib import Path
from typing import Any

import pytest

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


@pytest.fixture
def letters(archive: Archive) -> Archive:
    archive.scan("page.png")
    archive.job("letters", "page.png")
    archive.commit()
    return archive


def user_settings(archive: Archive, content: str) -> None:
    file = archive.home / ".config/supervisor/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(content)


def test_the_command_line_goes_before_the_environment_before_the_files(letters: Archive) -> None:
    user_settings(letters, 'ref = "of-the-user"\n')
    assert "'of-the-user' names no commit" in letters.supervisor("--run-ids=letters").err
    letters.write("supervisor.toml", 'ref = "of-the-file"\n')
    assert "'of-the-file' names no commit" in letters.supervisor("--run-ids=letters").err
    environment = {"SUPERVISOR_REF": "of-the-environment"}
    assert "'of-the-environment' names no commit" in letters.supervisor("--run-ids=letters", **environment).err
    done = letters.supervisor("--run-ids=letters", "--ref=of-the-line", **environment)
    assert "'of-the-line' names no commit" in done.err


def test_the_file_of_the_repository_is_obeyed(letters: Archive) -> None:
    letters.write(
        "supervisor.toml",
        'run-ids = ["letters"]\nsession = "night"\nquiet = true\nkeep_workspaces = true\nworkers = 1\n',
    )
    done = letters.supervisor("--json")
    assert (done.code, done.err) == (0, "")
    assert done.document["session"]["title"] == "night"
    assert (letters.runs / "workspaces/letters").is_dir()


def test_job_files_in_it_are_given_from_the_top_and_typed_ones_from_where_one_is(letters: Archive) -> None:
    letters.write("supervisor.toml", 'job_file = ["ocr-jobs/letters.toml"]\n')
    below = letters.top / "ocr-jobs"
    done = letters.supervisor("--run-ids=a", "--json", cwd=below)
    assert done.code == 0, done
    assert letters.recognised("a") == ["page.png"]
    assert letters.supervisor("--run-ids=b", "--quiet", "--job-file=letters.toml", cwd=below).code == 0


def test_a_bare_repository_has_it_in_the_commit(letters: Archive, tmp_path: Path) -> None:
    letters.write("supervisor.toml", "workrs = 2\n")
    letters.commit()
    letters.git("clone", "--quiet", "--bare", str(letters.top), str(tmp_path / "bare.git"))
    done = letters.supervisor("--run-ids=letters", cwd=tmp_path / "bare.git")
    assert (done.code, "did you mean 'workers'?" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("workrs = 2", "unknown key 'workrs' (did you mean 'workers'?)"),
        ('workers = "many"', "workers"),
        ("workers = true", "workers"),
        ("workers = 0", "workers"),
        ('quiet = "yes"', "quiet"),
        ("ref = ", "not valid TOML"),
        ('runs_dir = "/tmp/x"', "may not set 'runs_dir'"),
        ('runs-dir = "/tmp/x"', "may not set 'runs-dir'"),
        ("per_run_sqlite = true", "may not set 'per_run_sqlite'"),
        ('database_url = "postgresql://h/x"', "may not set 'database_url'"),
        ("priority = 2.5", "priority: 2.5 is not a whole number"),
        ("lease_seconds = 1", "lease_seconds: 1 is less than 6"),
        ('lane = ["../A=letters"]', "lane '../A' is not allowed"),
        ('lane = ["A=letters", "B=letters"]', "run 'letters' is placed in lane 'A' and in lane 'B'"),
        ('repository = "x\\u0000y"', r"repository cannot be 'x\x00y'"),
        ("cleanup = true", "unknown key 'cleanup'"),
    ],
)
def test_a_file_that_is_wrong_is_refused(letters: Archive, content: str, expected: str) -> None:
    letters.write("supervisor.toml", content + "\n")
    done = letters.supervisor("--run-ids=letters")
    assert (done.code, len(done.err.splitlines())) == (2, 1), done
    assert "supervisor.toml" in done.err or "lane" in content
    assert expected in done.err
    assert not letters.runs.exists()


def test_directories_come_from_the_users_own_file(letters: Archive, tmp_path: Path) -> None:
    user_settings(letters, f'runs_dir = "{tmp_path / "elsewhere"}"\n')
    done = letters.supervisor("--run-ids=letters", "--json")
    assert done.code == 0
    assert done.runs["letters"]["artifacts"] == str(tmp_path / "elsewhere/letters")
    assert not letters.runs.exists()
    # Every command finds it there, and the environment goes before it.
    assert str(tmp_path / "elsewhere") in letters.supervisor("locks").out
    assert str(tmp_path / "elsewhere") in letters.supervisor("--cleanup").out
    assert str(tmp_path / "other") in letters.supervisor("locks", AUTONOMOUS_RUNS_DIR=str(tmp_path / "other")).out


def test_how_runs_are_treated_can_stand_in_files_and_variables(letters: Archive) -> None:
    user_settings(letters, "max_retries = 5\npriority = 50\ntimeout = 600\n")
    lanes = 'lane = ["A=books, letters", "B=photos", "C"]'
    others = 'run_ids = "letters"\npriority = 20\ntimeout = 300\nsession = "Day"\nquiet = true'
    letters.write("supervisor.toml", f"{lanes}\n{others}\n")
    assert letters.supervisor("start", "Night", SUPERVISOR_PRIORITY="30").code == 0
    run = letters.supervisor("show", "letters", "--json").document["run"]
    treated = {name: run[name] for name in ("lane", "priority", "timeout_seconds", "max_retries")}
    assert treated == {"lane": "A", "priority": 30, "timeout_seconds": 300, "max_retries": 5}
    assert run["session"]["title"] == "Night"
    # `session` in a file names a new one; it does not choose among those there are.
    assert letters.supervisor("work", "--once").code == 0
    assert letters.recognised("letters") == ["page.png"]


def test_the_database_comes_from_the_users_own_file(letters: Archive, tmp_path: Path) -> None:
    shared, other = (f"sqlite:///{tmp_path / name}.db" for name in ("shared", "other"))
    user_settings(letters, f'database_url = "{shared}"\n')
    assert letters.supervisor("start", "Night", "--run-ids=letters", "--quiet").code == 0
    assert letters.supervisor("show", "letters").code == 0
    assert not (letters.runs / "control.db").exists()
    assert letters.supervisor("show", "letters", "--per-run-sqlite").code == 2
    assert letters.supervisor("show", "letters", DATABASE_URL=other).code == 2
    assert letters.supervisor("show", "letters", "--database-url", shared, DATABASE_URL=other).code == 0


def test_typed_and_set_databases_go_before_the_users_wish_for_files(letters: Archive, tmp_path: Path) -> None:
    shared = f"sqlite:///{tmp_path / 'shared'}.db"
    user_settings(letters, "per_run_sqlite = true\n")
    assert letters.supervisor("start", "Night", "--run-ids=letters", "--quiet", DATABASE_URL=shared).code == 0
    assert letters.supervisor("show", "letters").code == 2
    assert letters.supervisor("show", "letters", "--database-url", shared).code == 0


@pytest.mark.parametrize("content", ["database_url = 5", "per_run_sqlite = 1", "runs_dir = true"])
def test_a_location_of_a_wrong_kind_in_the_users_file_is_refused(letters: Archive, content: str) -> None:
    user_settings(letters, f"{content}\n")
    done = letters.supervisor("show", "letters")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert f"config.toml: {content.partition(' ')[0]} cannot be" in done.err


def test_what_is_typed_before_a_command_goes_before_the_environment(letters: Archive, tmp_path: Path) -> None:
    typed, variable = str(tmp_path / "typed"), str(tmp_path / "variable")
    assert typed in letters.supervisor("--runs-dir", typed, "locks", AUTONOMOUS_RUNS_DIR=variable).out
    assert letters.supervisor("locks", "--json", "release", "letters").document["released"]
