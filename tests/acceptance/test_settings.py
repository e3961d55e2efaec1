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
        ("cleanup = true", "unknown key 'cleanup'"),
    ],
)
def test_a_file_that_is_wrong_is_refused(letters: Archive, content: str, expected: str) -> None:
    letters.write("supervisor.toml", content + "\n")
    done = letters.supervisor("--run-ids=letters")
    assert (done.code, len(done.err.splitlines())) == (2, 1), done
    assert "supervisor.toml" in done.err
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
