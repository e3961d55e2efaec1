"""The tesseract of this machine: found, judged, remembered."""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from supervisor.locks.processes import started_at
from supervisor.ocr.engines import tesseract as module
from supervisor.ocr.engines.tesseract import check_languages, language_data, probe_tesseract
from supervisor.ocr.errors import (
    DocumentError,
    LanguageMissingError,
    TesseractMissingError,
    TesseractTooOldError,
)
from supervisor.ocr.jobs.job import Job

MakeJob = Callable[..., Job]


def program(folder: Path, script: str) -> None:
    folder.mkdir(exist_ok=True)
    file = folder / "tesseract"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


@pytest.fixture
def starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Put a copy of tesseract into the way, and return how to ask how often it was started."""
    real = shutil.which("tesseract")
    assert real is not None
    (tmp_path / "bin").mkdir()
    shutil.copy(real, tmp_path / "bin/tesseract")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    log: list[tuple[str, ...]] = []
    ask = module.ask_tesseract

    def ask_and_count(*arguments: str) -> tuple[int, str]:
        log.append(arguments)
        return ask(*arguments)

    monkeypatch.setattr(module, "ask_tesseract", ask_and_count)
    return lambda: len(log)


def test_this_machine(make_job: MakeJob) -> None:
    tesseract = probe_tesseract()
    assert tesseract.release >= (4, 1)
    assert tesseract.leptonica_version[0].isdigit()
    assert (tesseract.tessdata_dir / "eng.traineddata").is_file()
    assert {"eng", "osd"} <= tesseract.languages
    assert check_languages([make_job(), make_job(page_segmentation=1), make_job(rotate="auto")]) == tesseract
    with pytest.raises(
        LanguageMissingError, match='job "books": tesseract has no data for the language "xyz_abc"'
    ) as caught:
        check_languages([make_job(languages=["eng", "xyz_abc"])])
    assert caught.value.hint == "apt-get install tesseract-ocr-xyz-abc"


def test_languages_in_the_repository(tmp_path: Path, make_job: MakeJob) -> None:
    (tmp_path / "data/script").mkdir(parents=True)
    job = make_job(tessdata_dir="data", languages=["eng", "script/Latin"])
    check_languages([job])
    with pytest.raises(LanguageMissingError, match='data has no data for the language "eng"'):
        check_languages([job], root=tmp_path)
    (tmp_path / "data/eng.traineddata").touch()
    with pytest.raises(LanguageMissingError, match='data has no data for the language "script/Latin"'):
        check_languages([job], root=tmp_path)
    (tmp_path / "data/script/Latin.traineddata").touch()
    check_languages([job], root=tmp_path)
    for detecting in ({"rotate": "auto"}, {"page_segmentation": 12}):
        with pytest.raises(LanguageMissingError, match='data has no data for the language "osd"') as caught:
            check_languages([job, make_job(tessdata_dir="data", **detecting)], root=tmp_path)
        assert caught.value.hint == "add osd.traineddata to data"


def test_surroundings(tmp_path: Path, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TesseractMissingError) as caught:
        check_languages([make_job()])
    assert (caught.value.exit_code, caught.value.hint) == (4, "apt-get install tesseract-ocr tesseract-ocr-eng")
    program(tmp_path, "echo tesseract 3.05.02")
    with pytest.raises(TesseractTooOldError, match=r"tesseract 3.05.02 is too old; 4.1 or newer is needed"):
        check_languages([make_job()])
    program(tmp_path, "echo something else")
    with pytest.raises(TesseractMissingError, match="does not tell its version"):
        probe_tesseract()
    program(tmp_path, "echo tesseract 5.9.0-rc1-12-gabcdef")
    with pytest.raises(TesseractMissingError, match="does not tell where its language data lie"):
        probe_tesseract()
    program(tmp_path, 'echo "tesseract v4.1.1"; echo "Error opening data file /a b/no-such-language.traineddata"')
    found = probe_tesseract()
    assert (found.version, found.release, found.tessdata_dir) == ("4.1.1", (4, 1), Path("/a b"))
    (tmp_path / "tesseract").write_bytes(b"")
    with pytest.raises(TesseractMissingError, match="tesseract cannot be started"):
        probe_tesseract()


def test_one_that_does_not_answer_is_ended_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait_until: Callable[..., None]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.setattr(module, "_ANSWER_SECONDS", 0.5)
    program(tmp_path / "bin", f"sleep 1000 &\necho $! > {tmp_path}/child\nwait")
    with pytest.raises(TesseractMissingError, match="tesseract has not answered") as caught:
        probe_tesseract()
    assert caught.value.hint == "tesseract --version"
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: started_at(child) is None)


def test_six_that_ask_at_once_start_one(tmp_path: Path, starts: Callable[[], int]) -> None:
    probe_tesseract()
    alone = starts()
    with ThreadPoolExecutor(6) as pool:
        answers = set(pool.map(lambda _: probe_tesseract(tmp_path / "state"), range(6)))
    assert answers == {probe_tesseract(tmp_path / "state")}
    assert starts() == 2 * alone
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_it_is_forgotten_when_it_changes(
    tmp_path: Path, starts: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supervisor.ocr.engines.tesseract._LIBRARIES", tmp_path / "libraries")
    before = probe_tesseract(tmp_path / "state")
    once = starts()
    os.utime(tmp_path / "bin/tesseract")
    assert probe_tesseract(tmp_path / "state") == before
    assert starts() == 2 * once
    (tmp_path / "libraries").touch()
    assert probe_tesseract(tmp_path / "state") == before
    assert starts() == 3 * once
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path / "data"))
    assert probe_tesseract(tmp_path / "state").tessdata_dir == tmp_path / "data"
    assert starts() == 4 * once


def test_a_script_is_asked_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(version: str) -> None:
        complaint = "Error opening data file /a/no-such-language.traineddata"
        program(tmp_path / "real", f'echo "tesseract {version}"; echo "{complaint}"')

    program(tmp_path / "bin", f'exec "{tmp_path}/real/tesseract" "$@"')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    for version in ("5.3.0", "5.4.1"):
        install(version)
        assert probe_tesseract(tmp_path / "state").version == version
    (tmp_path / "link").mkdir()
    (tmp_path / "link/tesseract").symlink_to(tmp_path / "bin/tesseract")
    monkeypatch.setenv("PATH", str(tmp_path / "link"), prepend=":")
    install("5.5.0")
    assert probe_tesseract(tmp_path / "state").version == "5.5.0"


@pytest.mark.parametrize("damage", ["broken", "not ours", "writable", "link", "no text", "incomplete"])
def test_what_is_not_believed(tmp_path: Path, starts: Callable[[], int], damage: str) -> None:
    before = probe_tesseract(tmp_path / "state")
    once = starts()
    file = tmp_path / "state/tesseract.json"
    match damage:
        case "broken":
            file.write_bytes(file.read_bytes()[:-5])
        case "not ours":
            if os.geteuid() != 0:
                pytest.skip("only root can give a file away")
            os.chown(file, 12345, -1)
        case "writable":
            file.chmod(0o666)
        case "link":
            file.rename(tmp_path / "elsewhere")
            file.symlink_to(tmp_path / "elsewhere")
        case "no text":
            file.write_text(file.read_text().replace(f'"{before.version}"', "7"))
        case "incomplete":
            file.write_text(file.read_text().replace('"tessdata_dir"', '"other"'))
    assert probe_tesseract(tmp_path / "state") == before
    assert starts() == 2 * once
    assert probe_tesseract(tmp_path / "state") == before
    assert starts() == 2 * once


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    assert probe_tesseract(tmp_path / "state") == probe_tesseract()


def test_language_data(tmp_path: Path, make_job: MakeJob) -> None:
    tesseract = probe_tesseract()
    plain = language_data(make_job(), tmp_path, tesseract)
    assert list(plain) == ["eng.traineddata"]
    assert list(language_data(make_job(rotate="auto"), tmp_path, tesseract)) == ["eng.traineddata", "osd.traineddata"]
    assert list(language_data(make_job(page_segmentation=1), tmp_path, tesseract))[1] == "osd.traineddata"

    (tmp_path / "eng.traineddata").write_bytes(b"one")
    (tmp_path / "words").write_text("invoice\n")
    own = make_job(tessdata_dir=".", user_words="words", user_patterns="words")
    first = language_data(own, tmp_path, tesseract)
    assert list(first) == ["eng.traineddata", "user_words", "user_patterns"]
    (tmp_path / "eng.traineddata").write_bytes(b"two!")
    second = language_data(own, tmp_path, tesseract)
    assert first["eng.traineddata"] != second["eng.traineddata"]
    assert first["user_words"] == second["user_words"]

    with pytest.raises(DocumentError, match='path "none" is not in the repository'):
        language_data(make_job(user_words="none"), tmp_path, tesseract)
    with pytest.raises(LanguageMissingError, match='no data for the language "xyz"'):
        language_data(make_job(languages=["xyz"]), tmp_path, tesseract)
