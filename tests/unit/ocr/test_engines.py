"""What an engine is started with, and which engine it is, decided from files alone."""

import struct
from pathlib import Path

import pytest

from supervisor.ocr.engines.arguments import options, settings_of
from supervisor.ocr.engines.choice import can_stream
from supervisor.ocr.engines.protocol import EngineSettings
from supervisor.ocr.engines.tesseract import Tesseract
from supervisor.ocr.engines.traineddata import language_files, read_language_file
from supervisor.ocr.errors import DocumentError
from supervisor.ocr.jobs.job import Job

CONFIG, UNICHARSET, LEGACY, LSTM = 0, 1, 3, 17


def write_language(file: Path, *components: int, config: bytes = b"") -> None:
    """Write language data as tesseract's combine_tessdata does."""
    file.parent.mkdir(parents=True, exist_ok=True)
    offsets, content = [-1] * 24, b""
    for component in components:
        offsets[component] = 4 + 8 * len(offsets) + len(content)
        content += config if component == CONFIG else b"data"
    file.write_bytes(struct.pack("<I24q", len(offsets), *offsets) + content)


def make_job(**settings: object) -> Job:
    return Job.model_validate({"name": "books", "documents": ["*"], **settings})


def streams(folder: Path, *languages: str, engine_mode: int = 3, version: str = "5.3.0") -> bool:
    return can_stream(EngineSettings(languages, 3, engine_mode), Tesseract(version, "1.82.0", Path("t"), folder))


def test_models_decide(tmp_path: Path) -> None:
    write_language(tmp_path / "fast.traineddata", LSTM)
    write_language(tmp_path / "both.traineddata", UNICHARSET, LEGACY, LSTM)
    write_language(tmp_path / "old.traineddata", UNICHARSET, LEGACY)
    write_language(tmp_path / "jpn.traineddata", CONFIG, LSTM, config=b"chop 1\ntessedit_load_sublangs fast+both\n")
    (tmp_path / "odd.traineddata").write_bytes(b"PK\x03\x04 an archive")
    assert streams(tmp_path, "fast")
    assert not streams(tmp_path, "both")
    assert not streams(tmp_path, "fast", "both")
    assert streams(tmp_path, "fast", "both", engine_mode=1)
    assert not streams(tmp_path, "old", engine_mode=1), "without an LSTM model tesseract falls back"
    assert not streams(tmp_path, "jpn"), "brings a language that learns"
    assert not streams(tmp_path, "odd", engine_mode=1)
    assert not streams(tmp_path, "none")


@pytest.mark.parametrize(
    ("version", "expected"),
    [("4.1.3", False), ("5.0.0-alpha", False), ("5.0.0", True), ("5.0.0-rc2", True), ("5.5.1", True)],
)
def test_hocr_has_to_be_flushed(tmp_path: Path, version: str, expected: bool) -> None:
    write_language(tmp_path / "fast.traineddata", LSTM)
    assert streams(tmp_path, "fast", version=version) is expected


def test_required_languages(tmp_path: Path) -> None:
    write_language(tmp_path / "a.traineddata", CONFIG, LSTM, config=b"tessedit_load_sublangs b+~c+gone\n")
    write_language(tmp_path / "b.traineddata", CONFIG, LSTM, config=b"tessedit_load_sublangs\ta\n")
    write_language(tmp_path / "script/S.traineddata", CONFIG, LSTM, config=b"  tessedit_load_sublangs T")
    write_language(tmp_path / "script/T.traineddata", LSTM)
    assert list(language_files(["a"], tmp_path)) == ["a", "b"]
    assert list(language_files(["script/S", "a"], tmp_path)) == ["script/S", "a", "script/T", "b"]


def test_language_data_that_change_are_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a.traineddata"
    write_language(file, LSTM)
    assert not read_language_file(file).has_legacy
    write_language(file, UNICHARSET, LEGACY, LSTM)
    assert read_language_file(file).has_legacy


def test_arguments(tmp_path: Path) -> None:
    (tmp_path / "my words").touch()
    job = make_job(
        languages=["deu", "eng"],
        page_segmentation=6,
        engine_mode=1,
        user_words="my words",
        variables={"load_freq_dawg": False, "classify_bln_numeric_mode": 1},
    )
    settings = settings_of(job, tmp_path, memory_bytes=5)
    assert settings.languages == ("deu", "eng")
    assert settings.memory_bytes == 5
    assert options(settings, stream_filelist="true") == [
        *("--psm", "6", "--oem", "1", "--user-words", f"{tmp_path.resolve()}/my words"),
        *("-c", "classify_bln_numeric_mode=1", "-c", "load_freq_dawg=0"),
        *("-c", "tessedit_create_hocr=1", "-c", "stream_filelist=true"),
    ]


def test_paths_stay_in_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work/out").symlink_to(tmp_path)
    with pytest.raises(DocumentError, match='the job\'s path "none" is not in the repository'):
        settings_of(make_job(tessdata_dir="none"), tmp_path / "work")
    with pytest.raises(DocumentError, match='the job\'s path "out" leads out of the repository'):
        settings_of(make_job(user_patterns="out"), tmp_path / "work")
