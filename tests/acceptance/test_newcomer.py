"""What somebody meets on the first day, and the line that each message gives them to type next."""

import shlex
from typing import Any

import pytest

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


def type_line(archive: Archive, line: str) -> None:
    """Do what the message says, word for word."""
    for command in line.split(" && "):
        program, *words = shlex.split(command)
        assert program == "git"
        archive.git(*words, *(["-m", "scans"] if words[0] == "commit" else []))


def first_line(hint: str) -> str:
    return hint.partition(", or ")[0]


def test_scans_dropped_into_a_folder_without_committing_them(archive: Archive) -> None:
    archive.job("letters", "letters/*.png")
    archive.commit()
    archive.scan("letters/may 1st.png", "letters/june.png")
    done = archive.supervisor("--run-ids", "letters", "--json")
    assert done.code == 2
    hint = done.document["error"]["hint"]
    assert "--working-tree" in hint
    type_line(archive, first_line(hint))
    assert archive.supervisor("--run-ids", "letters", "--quiet").code == 0
    assert archive.text("letters", "letters/may 1st.png")


@pytest.mark.parametrize("name", ["-n.png", "a'b $(x).png", "new\nline.png"])
def test_the_line_works_for_names_that_a_shell_takes_for_something_else(archive: Archive, name: str) -> None:
    archive.job("letters", "*.png")
    archive.commit()
    archive.scan(name)
    done = archive.supervisor("--run-ids", "letters", "--json")
    assert done.code == 2
    type_line(archive, first_line(done.document["error"]["hint"]))
    assert archive.supervisor("--run-ids", "letters", "--quiet").code == 0
    assert archive.text("letters", name)


def test_one_more_scan_that_is_not_committed_is_told_and_left_out(archive: Archive) -> None:
    archive.scan("letters/may.png")
    archive.job("letters", "letters/*.png")
    archive.commit()
    archive.scan("letters/june.png")
    done = archive.supervisor("--run-ids", "letters")
    assert done.code == 0
    assert "not part of this run: letters/june.png" in done.err
    assert "git add letters/june.png && git commit" in done.err
    assert archive.recognised("letters") == ["letters/may.png"]


def test_a_job_file_that_is_not_committed(archive: Archive) -> None:
    archive.scan("may.png")
    archive.commit()
    archive.job("letters", "*.png")
    done = archive.supervisor("--run-ids", "letters", "--json")
    assert done.code == 2
    assert "ocr-jobs/letters.toml is not committed" in done.document["error"]["message"]
    type_line(archive, first_line(done.document["error"]["hint"]))
    assert archive.supervisor("--run-ids", "letters", "--quiet").code == 0


def test_a_job_file_of_another_name_that_is_not_committed(archive: Archive) -> None:
    archive.scan("may.png")
    archive.commit()
    archive.job("default", "*.png")
    done = archive.supervisor("--run-ids", "letters", "--json")
    assert done.code == 2
    type_line(archive, first_line(done.document["error"]["hint"]))
    assert archive.supervisor("--run-ids", "letters", "--quiet").code == 0


def test_no_job_file_at_all(archive: Archive) -> None:
    archive.scan("may.png")
    archive.commit()
    done = archive.supervisor("--run-ids", "letters")
    assert done.code == 2
    assert "make ocr-jobs/default.toml with: version = 1" in done.err
    assert "git add ocr-jobs && git commit" in done.err
    assert not archive.runs.exists()


def test_a_mistyped_run_id_beside_a_default_job_is_not_run_as_the_default(archive: Archive) -> None:
    archive.scan("may.png")
    archive.job("letters", "*.png")
    archive.job("default", "*.png")
    archive.commit()
    done = archive.supervisor("--run-ids", "lettres")
    assert done.code == 2
    assert "did you mean 'letters'?" in done.err


def test_jobs_are_listed_and_checked_as_they_are_on_disk(archive: Archive) -> None:
    archive.scan("may.png")
    archive.job("letters", "*.png")
    archive.commit()
    archive.scan("june.png")
    listed = archive.supervisor("jobs", "list")
    assert listed.code == 0
    assert "ocr-jobs/letters.toml\n  letters: 1 document, 1 not committed as they are; eng; txt tsv" in listed.out
    assert archive.supervisor("jobs", "validate").code == 0
    archive.job("books", "*.tiff", extra='formatz = ["txt"]')
    wrong = archive.supervisor("jobs", "validate")
    assert wrong.code == 2
    assert "ocr-jobs/books.toml: wrong" in wrong.out
    assert 'unknown key "formatz" (did you mean "formats"?)' in wrong.out
    assert "ocr-jobs/letters.toml: right" in wrong.out
    document = archive.supervisor("jobs", "validate", "--json").document
    assert [bool(one["error"]) for one in document["job_files"]] == [True, False]
    assert archive.supervisor("jobs", "validate", "ocr-jobs/letters.toml").code == 0
    assert archive.supervisor("jobs", "validate", "letters.toml", cwd=archive.top / "ocr-jobs").code == 0
    assert archive.supervisor("jobs", "validate", "--ref", "HEAD").code == 0
    assert archive.supervisor("jobs", "validate", "ocr-jobs/none.toml").code == 2
    assert (
        archive.supervisor("jobs", "list", "--ref", "HEAD", "--json").document["job_files"][0]["jobs"][0]["documents"]
        == 1
    )


def test_an_empty_list_says_so(archive: Archive) -> None:
    archive.write("README", "letters")
    archive.commit()
    for command in (["jobs", "list"], ["jobs", "validate"], ["locks"], ["--list-worktrees"], ["--cleanup"]):
        done = archive.supervisor(*command)
        assert (done.code, len(done.out.splitlines()), done.err) == (0, 1, ""), command
    assert not archive.runs.exists()
