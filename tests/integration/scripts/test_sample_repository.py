import subprocess
import sys
import tomllib
from pathlib import Path

import pymupdf
import pytest
from PIL import Image

SCRIPTS = Path(__file__).parents[3] / "scripts"


def make(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(SCRIPTS / "sample_repository.py"), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quick start") / "sample"
    assert make(folder).stdout == f"made a sample repository in {folder}\n"
    return folder


def test_the_sample_has_every_kind_of_document(sample: Path) -> None:
    assert git(sample, "status", "--porcelain") == ""
    with Image.open(sample / "books" / "tides-of-the-estuary.tiff") as image:
        assert (image.mode, getattr(image, "n_frames", 1)) == ("1", 4)
    with pymupdf.open(sample / "reports" / "1921-annual-report.pdf") as document:
        assert [page.get_text() for page in document] == ["", "", ""]
    with pymupdf.open(sample / "reports" / "progress.pdf") as document:
        assert document.page_count == 2
        assert document[0].get_text().startswith("The Wexcombe Papers")


def test_every_job_file_finds_documents_and_every_document_a_job(sample: Path) -> None:
    found: list[str] = []
    for job_file in sorted((sample / "ocr-jobs").iterdir()):
        (job,) = tomllib.loads(job_file.read_text(encoding="utf-8"))["jobs"]
        documents = git(sample, "ls-files", "--", *(f":(glob,icase){pattern}" for pattern in job["documents"]))
        assert documents
        found += documents.splitlines()
    tracked = git(sample, "ls-files", "--", "letters", "books", "reports").splitlines()
    assert sorted(found) == tracked


def test_a_sample_is_used_again_with_what_was_added(sample: Path) -> None:
    added = sample / "letters" / "mine.png"
    added.touch()
    mark = sample / ".git" / "sample-repository"
    whole = mark.read_text(encoding="ascii")
    try:
        assert make(sample).stdout == f"using the sample repository in {sample}\n"
        mark.write_text("an-older-program " + whole.split()[1], encoding="ascii")
        assert "changes of yours" in make(sample).stdout
        assert added.exists()
        added.unlink()
        assert make(sample).stdout == f"made a sample repository in {sample}\n"
        assert mark.read_text(encoding="ascii") == whole
    finally:
        added.unlink(missing_ok=True)


def test_an_unfinished_sample_is_made_anew_and_every_sample_is_the_same_commit(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "sample" / ".git").mkdir(parents=True)
    (tmp_path / "sample" / ".git" / "sample-repository").write_text("unfinished", encoding="ascii")
    assert make(tmp_path / "sample").returncode == 0
    assert git(tmp_path / "sample", "rev-parse", "HEAD") == git(sample, "rev-parse", "HEAD")
    assert git(sample, "ls-files", "ocr-jobs").split() == [
        "ocr-jobs/books.toml",
        "ocr-jobs/letters.toml",
        "ocr-jobs/reports.toml",
    ]


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").touch()
    refused = make(tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"{tmp_path} is not empty, and not a sample repository")
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]
