"""A page is recognised once: by whichever run, attempt, supervisor or machine came first."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported

FORMATS = 'formats = ["txt", "tsv", "hocr", "alto", "pdf", "json"]'


def sources(done: Any) -> dict[str, tuple[int, int]]:
    """How many pages of each run were recognised, and how many reused."""
    assert done.code == 0, done
    return {run_id: (run["pages"]["ocr"], run["pages"]["cache"]) for run_id, run in done.runs.items()}


def recognitions(archive: Archive) -> list[tuple[str, str, int, str]]:
    return [
        (run_id, event["document"], event["page_number"], event["because"])
        for run_id in "abc"
        for event in archive.events(run_id, "page_recognised")
    ]


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_what_is_known_is_not_recognised_again_even_after_a_sweep_of_the_work_tree(three: Archive) -> None:
    command = ("--run-ids=a,b,c", "--workers=3", "--json")
    assert sources(three.supervisor(*command)) == dict.fromkeys("abc", (1, 0))
    assert sources(three.supervisor(*command)) == dict.fromkeys("abc", (0, 1))
    assert recognitions(three) == []
    three.git("clean", "-ffdxq")
    assert not three.runs.exists()
    assert sources(three.supervisor(*command)) == dict.fromkeys("abc", (0, 1))
    three.scan("scans/b.png", lines=("Another page altogether",))
    three.commit()
    three.git("clean", "-ffdxq")
    done = three.supervisor(*command)
    assert sources(done) == {"a": (0, 1), "b": (1, 0), "c": (0, 1)}
    assert recognitions(three) == [("b", "scans/b.png", 1, "changed")]
    assert done.runs["b"]["pages"]["because"] == {"changed": 1}


def test_why_it_was_recognised_is_told_to_people(archive: Archive) -> None:
    archive.scan("scans/1.png", "scans/2.png")
    archive.job("a", "scans/*.png")
    archive.commit()
    assert "and not reused" not in archive.supervisor("--run-ids=a").out
    archive.scan("scans/3.png")
    archive.write("scans/1.png", (archive.top / "scans/2.png").read_bytes())
    archive.commit()
    told = archive.supervisor("--run-ids=a")
    assert "\nrecognised, and not reused: 1 new\n" in told.out
    assert "3 pages: 1 recognised (1 new), 2 reused)" in told.err
    archive.job("a", "scans/*.png", extra="page_segmentation = 6")
    archive.commit()
    assert "\nrecognised, and not reused: 2 other settings\n" in archive.supervisor("--run-ids=a").out


def test_no_cache_recognises_everything_and_leaves_nothing_behind(archive: Archive) -> None:
    archive.scan("scans/1.png")
    archive.write("scans/2.png", (archive.top / "scans/1.png").read_bytes())
    archive.job("a", "scans/*.png")
    archive.commit()
    for _ in range(2):
        assert sources(archive.supervisor("--run-ids=a", "--no-cache", "--json")) == {"a": (2, 0)}
    assert sources(archive.supervisor("--run-ids=a", "--json")) == {"a": (1, 1)}


def test_all_formats_come_from_one_recognition_and_are_the_same_bytes_every_time(archive: Archive) -> None:
    archive.scan("scans/1.png", "scans/2.png")
    archive.job("a", "scans/*.png", extra='formats = ["txt"]')
    archive.commit()
    assert sources(archive.supervisor("--run-ids=a", "--json")) == {"a": (2, 0)}
    archive.job("a", "scans/*.png", extra=FORMATS)
    archive.commit()
    output = archive.runs / "a/output"
    assert sources(archive.supervisor("--run-ids=a", "--json")) == {"a": (0, 2)}
    assert archive.events("a", "page_recognised") == []
    derived = files(output)
    suffixes = ("txt", "tsv", "hocr", "alto.xml", "pdf", "json")
    assert set(derived) == {f"scans/{number}.png.{suffix}" for number in (1, 2) for suffix in suffixes}
    assert sources(archive.supervisor("--run-ids=a", "--no-cache", "--json")) == {"a": (2, 0)}
    assert len(archive.events("a", "page_recognised")) == 2
    assert files(output) == derived


def test_machines_that_share_a_database_share_pages(archive: Archive, postgres_url: str, tmp_path: Path) -> None:
    archive.scan("scans/1.png", "scans/2.png")
    archive.job("a", "scans/*.png")
    archive.commit()
    command = ("--run-ids=a", "--json", "--database-url", postgres_url)
    assert sources(archive.supervisor(*command, "--cache-dir", str(tmp_path / "here"))) == {"a": (2, 0)}
    assert sources(archive.supervisor(*command, "--cache-dir", str(tmp_path / "there"))) == {"a": (0, 2)}
    info = archive.supervisor("cache", "info", "--json", "--database-url", postgres_url, "--cache-dir", str(tmp_path))
    assert info.document["shared"]["pages"] == 2


def test_a_damaged_entry_is_recognised_again_and_replaced(archive: Archive) -> None:
    archive.scan("scans/1.png")
    archive.job("a", "scans/*.png")
    archive.commit()
    assert sources(archive.supervisor("--run-ids=a", "--json")) == {"a": (1, 0)}
    cache = archive.home / ".cache/supervisor"
    pages = [file for file in cache.rglob("page-*") if file.is_file()]
    assert len(pages) == 1
    pages[0].write_bytes(pages[0].read_bytes()[:-20] + bytes(20))
    done = archive.supervisor("--run-ids=a", "--json")
    assert sources(done) == {"a": (1, 0)}
    assert sources(archive.supervisor("--run-ids=a", "--json")) == {"a": (0, 1)}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_many_documents_made_of_few_pages(archive: Archive, database: str, request: pytest.FixtureRequest) -> None:
    options = ["--database-url", request.getfixturevalue("postgres_url")] if database == "postgresql" else []
    archive.scan(*(f"pages/{number}.png" for number in range(3)))
    for number in range(600):
        content = (archive.top / f"pages/{number % 3}.png").read_bytes()
        archive.write(f"scans/{number // 100}/{number}.png", content)
    archive.job("a", "scans/**/*.png")
    archive.commit()
    assert sources(archive.supervisor("--run-ids=a", "--json", *options)) == {"a": (3, 597)}
    before = files(archive.runs / "a/output")
    assert len(before) == 1200
    again = archive.supervisor("--run-ids=a", "--json", *options)
    assert sources(again) == {"a": (0, 600)}
    assert again.runs["a"]["documents"] == {"total": 600, "succeeded": 600, "failed": 0}
    assert files(archive.runs / "a/output") == before


def test_what_attributes_made_of_a_document_is_not_kept_under_its_name(archive: Archive) -> None:
    archive.scan("scans/1.png")
    page, content = Image.open(archive.top / "scans/1.png").convert("L"), BytesIO()
    # A picture whose pixels have line feeds among them.
    page.point(lambda value: 10 if value < 128 else 250).save(content, "PPM")
    page.close()
    (archive.top / "scans/1.png").unlink()
    archive.write("scans/1.pgm", content.getvalue())
    archive.write(".gitattributes", "*.pgm text eol=crlf\n")
    archive.job("a", "scans/*.pgm", extra='formats = ["txt"]')
    archive.commit()
    archive.supervisor("--run-ids=a")
    spoilt = archive.text("a", "scans/1.pgm")
    archive.write(".gitattributes", "")
    archive.commit()
    assert sources(archive.supervisor("--run-ids=a", "--json")) == {"a": (1, 0)}
    assert "harbour" in archive.text("a", "scans/1.pgm")
    assert "harbour" not in spoilt


def test_a_cache_that_cannot_be_used_is_said_and_harms_nothing(three: Archive, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    unusable = tmp_path / "file" / "cache"
    done = three.supervisor("--run-ids=a", "--json", "--cache-dir", str(unusable))
    assert sources(done) == {"a": (1, 0)}
    assert f"the page cache {unusable} cannot be used (File exists): pages are recognised again\n" in done.err
    findings = three.supervisor("doctor", "--json", SUPERVISOR_CACHE_DIR=str(unusable)).document["findings"]
    assert [(one["level"], one["name"]) for one in findings if one["level"] != "ok"] == [("warning", "cache")]
    assert "cannot be used" not in three.supervisor("--run-ids=a", "--json").err
