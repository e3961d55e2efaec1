"""`supervisor try`: one file or several, without git, job file or database."""

from pathlib import Path
from typing import Any

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


def test_text_on_standard_output(archive: Archive, tmp_path: Path) -> None:
    archive.scan("page.png")
    desk = tmp_path / "desk"
    desk.mkdir()
    (archive.top / "page.png").rename(desk / "page.png")
    done = archive.supervisor("try", "page.png", cwd=desk)
    assert done.code == 0
    assert done.out.split() == ["The", "harbour", "master", "keeps", "a", "log", "of", "every", "winter"]
    assert done.err == ""
    assert list(desk.iterdir()) == [desk / "page.png"]


def test_tsv(archive: Archive) -> None:
    archive.scan("page.png")
    done = archive.supervisor("try", "--format", "tsv", "page.png")
    assert done.code == 0
    assert done.out.startswith("level\tpage_num\t")
    assert "\tharbour\n" in done.out


def test_several_with_a_bad_one_among_them(archive: Archive) -> None:
    archive.scan("one.png", lines=["The first page"])
    archive.scan("three.png", lines=["The third page"])
    archive.write("two.png", "no picture at all")
    done = archive.supervisor("try", "one.png", "two.png", "three.png")
    assert done.code == 1
    assert done.out.index("first") < done.out.index("\f") < done.out.index("third")
    assert done.err == "supervisor: two.png: is not an image or a PDF: looks like text\n"
    done = archive.supervisor("--json", "try", "one.png", "two.png", "three.png")
    assert (done.code, done.document["exit_code"]) == (1, 1)
    assert [one["status"] for one in done.document["documents"]] == ["succeeded", "failed", "succeeded"]
    page = done.document["documents"][2]["pages"][0]
    assert (page["page_number"], page["source"], page["word_count"]) == (1, "ocr", 3)


def test_mistakes(archive: Archive) -> None:
    archive.scan("page.png")
    for typed, expected, code in (
        ("try", "FILES", 2),
        ("try nowhere.png", "there is no file nowhere.png", 2),
        ("try page.png --format docx", "docx", 2),
        ("try page.png --pages 9-1", "9-1", 2),
        ("try page.png -l tlh", "tesseract-ocr-tlh", 4),
    ):
        done = archive.supervisor(*typed.split())
        assert (done.code, done.out, len(done.err.splitlines())) == (code, "", 1), (typed, done)
        assert expected in done.err, typed


def test_ctrl_c_leaves_nothing(archive: Archive, gate: Any, wait_until: Any, tmp_path: Path) -> None:
    archive.scan("page.png")
    (tmp_path / "tmp").mkdir()
    running = archive.start("try", "page.png", "--json", **gate.environment, TMPDIR=str(tmp_path / "tmp"))
    wait_until(gate.arrived)
    running.ctrl_c()
    done = running.end()
    assert done.code == 130
    assert done.document["exit_code"] == 130
    wait_until(lambda: not archive.processes())
    assert list((tmp_path / "tmp").iterdir()) == []
