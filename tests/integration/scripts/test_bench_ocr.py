import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

TOP = Path(__file__).parents[3]
SCRIPTS = TOP / "scripts"
TRUTHS = {"alder": "The harbour master keeps", "birch": "a log of every winter"}
LEAVES_ONE_BEHIND = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", sys.argv[1], sys.argv[2]], start_new_session=True)
"""
BURNS = """
import sys, time
while time.process_time() < 0.5: pass
open(sys.argv[1], "w").write(str(time.process_time()))
"""


def python(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": f"{SCRIPTS}:{TOP / 'tests'}"}
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False)


def cells(output: str, heading: str) -> dict[str, list[str]]:
    """Return the lines of the table that comes after a heading, by their first cells."""
    _, _, table = output.partition(heading)
    lines = table.split("\n\n")[1].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name: values for name, *values in rows}


@pytest.fixture(autouse=True)
def _own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the benchmarks make their folders where tests do."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of two short scans."""
    corpus = tmp_path_factory.mktemp("corpus")
    (corpus / "old-books").mkdir()
    for name, text in TRUTHS.items():
        page = Image.new("1", (800, 200), 1)
        ImageDraw.Draw(page).text((30, 60), text, font=ImageFont.load_default(size=50), fill=0)
        page.save(corpus / "old-books" / f"{name}.tiff")
        (corpus / "old-books" / f"{name}.txt").write_text(text)
    return corpus


def test_the_time_of_all_descendants_counts(tmp_path: Path) -> None:
    own = tmp_path / "own"
    done = python(SCRIPTS / "ocr_measured.py", "memory", sys.executable, "-c", LEAVES_ONE_BEHIND, BURNS, own)
    assert (done.returncode, done.stderr) == (0, "")
    usage = json.loads(done.stdout)
    assert usage["cpu_seconds"] >= float(own.read_text()) >= 0.5
    assert usage["largest_process_bytes"] > 1_000_000


def test_what_fails_is_not_measured() -> None:
    done = python("-c", "from ocr_measured import measured; measured(['sh', '-c', 'echo broken >&2; exit 3'], {})")
    assert done.returncode == 1
    assert "ended with status 3" in done.stderr
    assert "broken" in done.stderr


def test_the_noisy_pages_are_the_same_every_time(tmp_path: Path) -> None:
    made = "from ocr_pages import noisy, Path; import sys; print(noisy(Path(sys.argv[1]), 1).truths)"
    one, other = (python("-c", made, tmp_path / name) for name in ("one", "other"))
    assert one.stdout == other.stdout != ""
    (page,) = (tmp_path / "one").iterdir()
    assert page.read_bytes() == (tmp_path / "other" / page.name).read_bytes()
    with Image.open(page) as image:
        assert (image.mode, image.size) == ("L", (2480, 3509))


def test_every_program_reads_the_pages(scans: Path) -> None:
    done = python(
        *(
            SCRIPTS / "benchmark_ocr.py",
            "1",
            "--quick",
            "--sets=books,books-off",
            "--programs=limit,pool,ours",
        ),
        *("--corpus", scans),
    )
    assert done.returncode == 0, done.stderr
    books = cells(done.stdout, "books, 2 pages")
    assert list(books) == ["two list-fed tesseracts", "pytesseract in a pool of 2", "ours"]
    assert {rate for *_, rate, _ in books.values()} == {"0.000%"}
    assert books["two list-fed tesseracts"][3] == "1.00"
    assert list(cells(done.stdout, "books-off, 2 pages")) == ["two list-fed tesseracts", "ours"]


def test_pages_are_recognised_once_over_the_nights(scans: Path) -> None:
    done = python(SCRIPTS / "benchmark_nightly.py", "1", "--quick", "--corpus", scans)
    assert done.returncode == 0, done.stderr
    assert {name: values[-2:] for name, values in cells(done.stdout, "2 pages in 1 run").items()} == {
        "cold": ["2", "0"],
        "unchanged": ["0", "2"],
        "unchanged, after git clean -ffdx": ["0", "2"],
        "1 changed, after git clean -ffdx": ["1", "1"],
    }


def test_many_small_documents() -> None:
    done = python(SCRIPTS / "benchmark_nightly.py", "--many=4", "--quick")
    assert done.returncode == 0, done.stderr
    executions = cells(done.stdout, "4 documents, 4 distinct")
    assert [values[-2:] for values in executions.values()] == [["4", "0"], ["0", "4"]]
    assert "the executor begins" in done.stdout
    assert "attempt_finished 1" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sets=books", "--corpus=nowhere"], "no scans in nowhere/old-books: name the folder of the corpus"),
        (["--sets=boks"], "unknown: boks; there are books, noisy, books-off"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments: list[str], message: str) -> None:
    done = python(SCRIPTS / "benchmark_ocr.py", "1", "--programs=limit", *arguments)
    assert done.returncode
    assert message in done.stderr
