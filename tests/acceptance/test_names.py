"""Documents whose names are any bytes that a file system takes, and links among them."""

import os
from typing import Any

import pytest

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported
LATIN_1 = os.fsdecode(b"x\xff.png")


def test_a_name_that_is_not_utf_8(archive: Archive) -> None:
    archive.scan(LATIN_1)
    archive.job("a", "*.png")
    archive.commit()
    done = archive.supervisor("--run-ids=a")
    assert done.code == 0, done
    assert archive.recognised("a") == ["x%FF.png"]
    assert "harbour" in archive.text("a", LATIN_1)


def test_beside_a_name_that_is_spelled_the_same_it_is_refused(archive: Archive) -> None:
    archive.scan(LATIN_1, "x%FF.png")
    archive.job("a", "*.png")
    archive.commit()
    done = archive.supervisor("--run-ids=a", "--json")
    assert done.code == 2
    assert "two documents are spelled x%FF.png" in done.document["error"]["message"]
    assert done.document["error"]["hint"] == "rename one of them"
    assert not archive.runs.exists()


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("link.png", "kept.png"),
        ("link.png", "deep/er/kept.png"),
        ("in/link.png", "../kept.png"),
        ("link.png", os.fsdecode(b"kept-\xff.png")),
        (os.fsdecode(b"\xff/link.png"), os.fsdecode(b"kept-\xff.png")),
    ],
)
def test_a_link_is_followed_to_a_file_that_is_no_document_itself(archive: Archive, link: str, target: str) -> None:
    (archive.top / link).parent.mkdir(exist_ok=True)
    (archive.top / link).symlink_to(target)
    archive.scan(os.path.normpath(os.path.join(os.path.dirname(link), target)))  # noqa: PTH118, PTH120 (of any bytes)
    archive.job("a", "**/link.png")
    archive.commit()
    done = archive.supervisor("--run-ids=a")
    assert done.code == 0, done
    assert "harbour" in archive.text("a", link)


def test_a_link_to_a_link(archive: Archive) -> None:
    archive.scan("deep/kept.png")
    (archive.top / "first.png").symlink_to("deep/second.png")
    (archive.top / "deep/second.png").symlink_to("kept.png")
    archive.job("a", "first.png")
    archive.commit()
    assert archive.supervisor("--run-ids=a", "--quiet").code == 0
    assert "harbour" in archive.text("a", "first.png")


def test_control_characters_do_not_reach_the_terminal(archive: Archive) -> None:
    red, pushed = "red\x1b[31m\n\x9b2J.png", "not yet\x07\rcommitted.png"
    archive.write(red, "no picture")
    archive.job("a", "*.png")
    archive.commit()
    archive.scan(pushed)
    for options in ((), ("--working-tree",), ("--quiet",)):
        done = archive.supervisor("--run-ids=a", *options)
        assert done.code == 1
        for printed in (done.out, done.err):
            assert [one for one in printed if not one.isprintable() and one != "\n"] == []
        assert r"red\x1b[31m\n\x9b2J.png" in done.err
    assert archive.supervisor("--run-ids=a", "--json").runs["a"]["status"] == "failed"
