import os
from pathlib import Path

import pytest

from supervisor.ocr.errors import DocumentError
from supervisor.ocr.formats.outputs import place_file, write_outputs


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    file = tmp_path / "finished.pdf"
    file.write_bytes(b"%PDF")
    return file


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "output"
    folder.mkdir()
    return folder


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_files_lie_beside_each_other_under_the_document_path(output: Path, pdf: Path) -> None:
    write_outputs(output, "scans/old/a.tiff", {"txt": "ü\n".encode(), "tsv": b"t", "hocr": b"h"})
    write_outputs(output, "scans/old/a.tiff", {"alto": b"a", "json": b"j"})
    place_file(output, "scans/old/a.tiff", "pdf", pdf)
    assert files(output) == [
        f"scans/old/a.tiff{suffix}" for suffix in (".alto.xml", ".hocr", ".json", ".pdf", ".tsv", ".txt")
    ]
    assert (output / "scans/old/a.tiff.txt").read_bytes() == "ü\n".encode()
    assert (output / "scans/old/a.tiff.pdf").read_bytes() == b"%PDF"
    assert not pdf.exists()


def test_what_is_there_is_replaced(output: Path, pdf: Path) -> None:
    write_outputs(output, "a.png", {"txt": b"first and longer", "pdf": b"first"})
    write_outputs(output, "a.png", {"txt": b"again"})
    place_file(output, "a.png", "pdf", pdf)
    assert (output / "a.png.txt").read_bytes() == b"again"
    assert (output / "a.png.pdf").read_bytes() == b"%PDF"


def test_a_file_comes_from_another_file_system(output: Path) -> None:
    memory = Path("/dev/shm")  # noqa: S108 - tests may use it as the page processes do
    if not memory.is_dir() or memory.stat().st_dev == output.stat().st_dev:
        pytest.skip("there is no second file system here")
    file = memory / f"supervisor-test-{os.getpid()}.pdf"
    file.write_bytes(b"%PDF from memory")
    try:
        place_file(output, "scans/a.pdf", "pdf", file)
        assert not file.exists()
    finally:
        file.unlink(missing_ok=True)
    assert files(output) == ["scans/a.pdf.pdf"]
    assert (output / "scans/a.pdf.pdf").read_bytes() == b"%PDF from memory"


def test_a_file_that_is_missing_is_no_fault_of_the_document(output: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        place_file(output, "a.png", "pdf", tmp_path / "never.pdf")


def test_a_name_that_is_not_utf8(output: Path) -> None:
    write_outputs(output, os.fsdecode(b"scans/\xff.png"), {"txt": b"x"})
    assert [os.fsencode(path.name) for path in (output / "scans").iterdir()] == [b"\xff.png.txt"]


@pytest.mark.parametrize("name", ["../a", "/etc/a", "a/../../b", "", "..", "a/.."])
def test_names_that_lead_out(output: Path, pdf: Path, name: str) -> None:
    with pytest.raises(DocumentError, match="leads out"):
        write_outputs(output, name, {"txt": b"x"})
    with pytest.raises(DocumentError, match="leads out"):
        place_file(output, name, "pdf", pdf)
    assert pdf.exists()


def test_links_are_not_followed(output: Path, pdf: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (output / "scans").symlink_to(outside)
    with pytest.raises(DocumentError, match="cannot carry"):
        write_outputs(output, "scans/a.png", {"txt": b"x"})
    with pytest.raises(DocumentError, match="cannot carry"):
        place_file(output, "scans/a.png", "pdf", pdf)
    (outside / "target").write_bytes(b"kept")
    for suffix in (".txt", ".pdf"):
        (output / f"a.png{suffix}").symlink_to(outside / "target")
    write_outputs(output, "a.png", {"txt": b"x"})
    place_file(output, "a.png", "pdf", pdf)
    assert (outside / "target").read_bytes() == b"kept"
    assert (output / "a.png.txt").read_bytes() == b"x"
    assert (output / "a.png.pdf").read_bytes() == b"%PDF"
    assert files(outside) == ["target"]


def test_a_name_that_is_too_long_is_a_reason(output: Path, pdf: Path) -> None:
    with pytest.raises(DocumentError, match="cannot carry"):
        write_outputs(output, "n" * 253, {"txt": b"x"})
    with pytest.raises(DocumentError, match="cannot carry"):
        place_file(output, "n" * 253, "pdf", pdf)
    assert files(output) == []
    assert pdf.exists()


@pytest.mark.parametrize("names", [("a", "a.txt/b"), ("a.txt/b", "a")])
def test_a_document_that_lies_where_another_has_its_results_is_a_reason(output: Path, names: tuple[str, str]) -> None:
    write_outputs(output, names[0], {"txt": b"x"})
    with pytest.raises(DocumentError, match="cannot carry"):
        write_outputs(output, names[1], {"txt": b"x"})
    assert files(output) == [f"{names[0]}.txt"]


def test_what_cannot_be_written_whole_leaves_nothing(output: Path) -> None:
    with pytest.raises(TypeError):
        write_outputs(output, "a.png", {"txt": "no bytes"})  # type: ignore[dict-item]
    assert files(output) == []
