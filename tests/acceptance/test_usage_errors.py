"""Mistakes: exit 2, one line that helps, and nothing created."""

import shutil
from pathlib import Path
from typing import Any

import pytest

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


def everything(archive: Archive) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(archive.top)): path.read_bytes() if path.is_file() else None
        for path in archive.top.rglob("*")
    }


@pytest.fixture
def letters(archive: Archive) -> Archive:
    archive.scan("scans/a.png")
    archive.job("letters", "scans/*.png")
    archive.write("ocr-jobs/unknown.toml", 'version = 1\n[[jobs]]\nname = "x"\ndocuments = ["*"]\nlanguage = ["eng"]\n')
    archive.write(
        "ocr-jobs/double.toml",
        'version = 1\n[[jobs]]\nname = "x"\ndocuments = ["scans/*"]\n[[jobs]]\nname = "y"\ndocuments = ["**/*.png"]\n',
    )
    archive.job("nothing", "films/*.png")
    archive.job("klingon", "scans/*.png", extra='languages = ["tlh"]')
    archive.commit()
    archive.git("status")
    return archive


SHARES = 4
# What is typed, and what the one line must hold.
MISTAKES = [
    ("--run-ids=../x", "run id '../x' is not allowed"),
    ("--run-ids=-x", "run id '-x' is not allowed"),
    ("--run-ids=a..b", "contains '..'"),
    ("--run-ids=a.lock", "ends in '.lock'"),
    ("--run-ids=a.", "ends in '.'"),
    ("--run-ids=", "a run id is empty"),
    ("--run-ids=letters,letters", "named twice"),
    ("--run-ids=letterz", "did you mean 'letters'?"),
    ("--run-ids=letters,letterz", "did you mean 'letters'?"),
    ("--run-ids=photos", "there are: double, klingon, letters, nothing, unknown"),
    ("--run-ids=unknown", 'ocr-jobs/unknown.toml: job "x": unknown key "language" (did you mean "languages"?)'),
    ("--run-ids=double", "jobs 'x' and 'y' both match scans/a.png"),
    ("--run-ids=nothing", "job 'nothing' matches no committed document (films/*.png)"),
    ("--run-ids=letters --job-file=ocr-jobs/no.toml", "job file ocr-jobs/no.toml is not in commit"),
    ("--run-ids=letters --ref=nosuch", "'nosuch' names no commit here"),
    ("--run-ids=letters --ref=mein", "did you mean main"),
    ("--run-ids=letters@nosuch", "'nosuch' names no commit here"),
    ("--run-ids=letters@", "empty ref"),
    ("--run-ids=letters --working-tree --ref=main", "--working-tree"),
    ("--run-ids=letters --workers=0", "'--workers'"),
    ("--run-ids=letters --worker=2", "--worker"),
    ("--workers=2", "no run is named"),
    ("--workers=2 locks", "--workers has no meaning before the command 'locks'"),
    ("--run-ids=letters jobs list", "--run-ids has no meaning before the command 'jobs'"),
    ("locks --workers=2", "No such option"),
    ("--cleanup --workers=2", "--workers has no meaning beside --cleanup"),
    ("--list-worktrees --cleanup", "has no meaning beside"),
    ("nosuch", "No such command 'nosuch'. (see supervisor --help)"),
    ("logz", "No such command 'logz'. Did you mean 'logs'? (see supervisor --help)"),
    ("completion", "Choose from: bash, zsh, fish (see supervisor completion --help)"),
    ("locks release ../x", "run id '../x' is not allowed"),
    ("--run-ids=letters --lane=A=books", "lane 'A' is given run 'books'"),
    ("--run-ids=letters --lane=../A", "lane '../A' is not allowed"),
    ("--run-ids=letters --priority=high", "'--priority': 'high' is not a whole number"),
    ("--run-ids=letters --timeout=0", "'--timeout': 0 is less than 1"),
    ("--run-ids=letters --max-retries=99999999999", "'--max-retries': 99999999999 is more than 2147483647"),
    ("--run-ids=letters --lease-seconds=5", "'--lease-seconds': 5 is less than 6"),
    ("--run-ids=letters --database-url=sqlite:///x.db --workers=2", "cannot share one SQLite database"),
    ("--run-ids=letters --database-url=sqlite://", "in memory"),
    ("--run-ids=letters --database-url=mysql://u:secret@h/x", "kind 'mysql' cannot be used"),
    ("--run-ids=letters --database-url=", "--database-url is empty"),
    ("start --run-ids=letters", "Missing argument 'TITLE'"),
    ("start Night", "no run is named"),
    ("start Night --run-ids=letterz", "did you mean 'letters'?"),
    ("start Night --run-ids=letters --workers=0", "'--workers'"),
    ("start Night --run-ids=letters --session=Day", "No such option"),
    ("start Night --run-ids=letters --ocr-workers=4", "--ocr-workers has no meaning without --workers"),
    ("--lane=A start Night --run-ids=letters", "--lane has no meaning before the command 'start'"),
    ("work --run-ids=letters", "No such option"),
    ("work postgresql://u:secret@h/x", "unexpected extra argument"),
    ("show letters", "there is no run 'letters' here (none was ever made here)"),
    ("show", "Missing argument 'RUN'"),
    ("show \udcff", r"there is no run '\udcff' here"),
    ("show letters --database-url=postgresql://u:secret@h\udcff/x", "URL cannot be read"),
    ("show letters --database-url=postgresql://u:secret@/x?host=a,b&port=1,2,3", "cannot be used: "),
    ("db check --database-url=sqlite:///x%00.db", "URL cannot be read"),
    ("db upgrade --database-url=sqlite:///x\udcff.db", "URL cannot be read"),
    ("db upgrade --database-url=sqlite:///x.db?timeout=abc", "could not convert"),
]


@pytest.mark.parametrize("share", range(SHARES))
def test_mistakes_are_told_in_one_line_and_create_nothing(letters: Archive, share: int) -> None:
    before = everything(letters)
    for typed, expected in MISTAKES[share::SHARES]:
        done = letters.supervisor(*typed.split())
        assert done.code == 2, (typed, done)
        assert expected in done.err, (typed, done)
        assert len(done.err.splitlines()) == 1, (typed, done)
        assert done.out == "", (typed, done)
        assert "secret" not in done.err
        assert everything(letters) == before, typed


def test_with_json_an_error_is_one_document(letters: Archive) -> None:
    for typed in ("--run-ids=letterz", "--workers=0", "locks --workers=2"):
        done = letters.supervisor(*typed.split(), "--json")
        assert done.code == 2
        assert done.document["exit_code"] == 2
        assert set(done.document["error"]) == {"message", "hint"}
    done = letters.supervisor("--json", "--run-ids=letterz")
    assert done.document["error"]["hint"] == "did you mean 'letters'?"


def test_a_missing_language_is_the_surroundings(letters: Archive) -> None:
    before = everything(letters)
    done = letters.supervisor("--run-ids=klingon")
    assert done.code == 4
    assert "apt-get install tesseract-ocr-tlh" in done.err
    assert everything(letters) == before


def test_no_tesseract_is_the_surroundings(letters: Archive, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").symlink_to(str(shutil.which("git")))
    done = letters.supervisor("--run-ids=letters", PATH=str(tmp_path / "bin"))
    assert done.code == 4
    assert "apt-get install tesseract-ocr" in done.err
    assert not letters.runs.exists()


def test_no_git_is_the_surroundings(letters: Archive, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    done = letters.supervisor("--run-ids=letters", "--json", PATH=str(tmp_path / "bin"))
    assert done.code == 4
    assert "git" in done.document["error"]["message"]


def test_a_database_that_does_not_answer_is_the_surroundings(letters: Archive) -> None:
    url = "postgresql://u:secret@127.0.0.1:1/x"
    executing = ("--run-ids=letters", "start Night --run-ids=letters", "work --quiet")
    for typed in (*executing, "show letters", "db check", "db upgrade"):
        done = letters.supervisor(*typed.split(), DATABASE_URL=url)
        assert (done.code, len(done.err.splitlines())) == (4, 1), (typed, done)
        assert "postgresql://u:***@127.0.0.1:1/x" in done.err
        assert "secret" not in done.out + done.err


def test_a_file_that_is_no_database_is_not_said_to_need_a_server(letters: Archive) -> None:
    letters.runs.mkdir()
    (letters.runs / "control.db").write_bytes(b"no database" * 1000)
    done = letters.supervisor("db", "check")
    assert (done.code, done.err.count("\n")) == (4, 1)
    assert done.err.endswith("control.db: file is not a database\n")


def test_who_stands_in_a_directory_that_is_gone_is_told_so(letters: Archive) -> None:
    done = letters.shell("mkdir gone && cd gone && rmdir ../gone && supervisor status --json").end()
    assert (done.code, done.document["error"]["message"]) == (2, "the current directory is gone")


def test_not_a_repository_and_one_without_a_commit(archive: Archive, tmp_path: Path) -> None:
    done = archive.supervisor("--run-ids=a", cwd=archive.top)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "commit" in done.err
    (tmp_path / "plain").mkdir()
    done = archive.supervisor("--run-ids=a", "--json", cwd=tmp_path / "plain")
    assert done.code == 2
    assert "repository" in done.document["error"]["message"]
    done = archive.supervisor("--run-ids=a", "--repo", str(tmp_path / "nowhere"))
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert not archive.runs.exists()
