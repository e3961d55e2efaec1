import os
from pathlib import Path

import pytest

from supervisor.ocr.errors import DocumentError
from supervisor.ocr.formats import assemble, write_outputs
from supervisor.ocr.results import PageResult
from supervisor.ocr.tsv import HEADER


def page(number: int, text: str) -> PageResult:
    row = f"5\t1\t1\t1\t1\t1\t0\t0\t9\t9\t95.5\t{text.strip()}"
    return PageResult(number, "succeeded", "ocr", text, f"{HEADER}\n{row}\n")


def test_a_page_without_text_stays_in_its_place() -> None:
    pages = [page(1, "one\n"), PageResult(2, "failed", error="x"), page(3, "three\n"), PageResult(4, "skipped")]
    outputs = assemble(pages, ("txt", "tsv"))
    assert outputs["txt"] == "one\n\f\fthree\n\f"
    lines = outputs["tsv"].splitlines()
    assert lines[0] == HEADER
    assert [line.split("\t")[1] for line in lines[1:]] == ["1", "3"]
    assert lines[2].split("\t")[11] == "three"


def test_only_what_was_asked_for() -> None:
    assert list(assemble([page(1, "a")], ("tsv",))) == ["tsv"]


def test_files_lie_beside_each_other_under_the_document_path(tmp_path: Path) -> None:
    written = write_outputs(tmp_path, "scans/old/a.tiff", {"txt": "ü\n", "tsv": "t"})
    assert written == (tmp_path / "scans/old/a.tiff.txt", tmp_path / "scans/old/a.tiff.tsv")
    assert written[0].read_bytes() == "ü\n".encode()
    write_outputs(tmp_path, "scans/old/a.tiff", {"txt": "again"})
    assert written[0].read_text() == "again"
    assert sorted(path.name for path in (tmp_path / "scans/old").iterdir()) == ["a.tiff.tsv", "a.tiff.txt"]


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    write_outputs(tmp_path, os.fsdecode(b"scans/\xff.png"), {"txt": "x"})
    assert [os.fsencode(path.name) for path in (tmp_path / "scans").iterdir()] == [b"\xff.png.txt"]


@pytest.mark.parametrize("name", ["../a", "/etc/a", "a/../../b", ""])
def test_names_that_lead_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(DocumentError):
        write_outputs(tmp_path, name, {"txt": "x"})


def test_links_are_not_followed(tmp_path: Path) -> None:
    output, outside = tmp_path / "output", tmp_path / "outside"
    output.mkdir()
    outside.mkdir()
    (output / "scans").symlink_to(outside)
    with pytest.raises(DocumentError):
        write_outputs(output, "scans/a.png", {"txt": "x"})
    (outside / "target").write_text("kept")
    (output / "a.png.txt").symlink_to(outside / "target")
    write_outputs(output, "a.png", {"txt": "x"})
    assert (outside / "target").read_text() == "kept"
    assert (output / "a.png.txt").read_text() == "x"
    assert list(outside.iterdir()) == [outside / "target"]


def test_a_name_that_is_too_long_is_a_reason(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot carry"):
        write_outputs(tmp_path, "n" * 253, {"txt": "x"})
    assert list(tmp_path.iterdir()) == []
