"""Both engines with the real tesseract: the same results, one process for many pages, and no process left over."""

import contextlib
import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

from supervisor.ocr.engines.choice import can_stream
from supervisor.ocr.engines.orientation import detect_orientation
from supervisor.ocr.engines.page_file import write_page_file
from supervisor.ocr.engines.protocol import Engine, EngineSettings
from supervisor.ocr.engines.single import SingleEngine
from supervisor.ocr.engines.streaming import StreamingEngine
from supervisor.ocr.engines.tesseract import probe_tesseract
from supervisor.ocr.errors import RecogniserError
from support.tesseracts import tesseracts

Draw = Callable[..., Image.Image]
Write = Callable[..., Path]
SETTINGS = EngineSettings(("eng",), 3, 3)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, image: Image.Image, dpi: int = 300) -> Path:
        file = tmp_path / f"{name}.tif"
        with file.open("wb") as stream:
            write_page_file(image, dpi, stream)
        return file

    return write


@pytest.fixture
def streaming() -> Iterator[StreamingEngine]:
    with contextlib.closing(StreamingEngine()) as engine:
        yield engine


def has_ended(pid: int) -> bool:
    """Tell whether a process is gone, whether or not its new parent has noticed."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def recognise(engine: Engine, file: Path, settings: EngineSettings = SETTINGS) -> str:
    return engine.recognise(file, settings, timeout_seconds=60)


def comparable(hocr: str) -> str:
    """Drop what counts the pages of a process: numbers of pages, and ids that begin with them."""
    return re.sub(r"(ppageno |id='[a-z]+_)\d+", r"\1", hocr)


def words(hocr: str) -> list[str]:
    return re.findall(r"<span class='ocrx_word'[^>]*>([^<]*)<", hocr)


def test_a_stream_gives_what_single_processes_give(corpus: Path, streaming: StreamingEngine, write: Write) -> None:
    files = [write("blank", Image.new("1", (800, 600), 1))]
    for name in ("old-books/a006.tiff", "tesseract-test/eurotext.tif", "old-books/i014.tiff"):
        with Image.open(corpus / name) as image:
            width, height = image.size
            files.append(write(Path(name).stem, image.crop((0, height // 4, width, height // 2)).convert("L")))
    single = SingleEngine()
    pids = set()
    for file in (*files, files[1]):
        assert comparable(recognise(streaming, file)) == comparable(recognise(single, file))
        pids.add(streaming.pid)
    assert len(pids) == 1


def test_the_page_file_says_what_a_pgm_and_an_option_say(tmp_path: Path, draw: Draw, write: Write) -> None:
    image = draw(size=(900, 400))
    image.save(tmp_path / "page.pgm")
    by_option = subprocess.run(
        ["tesseract", tmp_path / "page.pgm", "-", "--dpi", "237", "-c", "tessedit_create_hocr=1"],
        check=True,
        capture_output=True,
    ).stdout.decode()
    by_file = recognise(SingleEngine(), write("page", image, 237))
    assert "scan_res 237 237" in by_file
    assert by_file.replace("page.tif", "page.pgm") == by_option


@pytest.mark.parametrize("mode", ["L", "1"])
def test_the_page_file_is_a_tiff(draw: Draw, write: Write, mode: str) -> None:
    image = draw().convert(mode).crop((0, 0, 901, 77))
    with Image.open(write("page", image, 600)) as read:
        assert (read.format, read.mode, read.size) == ("TIFF", mode, image.size)
        assert read.info["dpi"] == (600, 600)
        assert read.tobytes() == image.tobytes()


@pytest.mark.parametrize("engine_class", [SingleEngine, StreamingEngine])
def test_settings_reach_tesseract(
    tmp_path: Path, draw: Draw, write: Write, engine_class: type[SingleEngine | StreamingEngine]
) -> None:
    file = write("page", draw("Invoice 4711"))
    (tmp_path / "my words").write_text("invoice\n")
    digits = EngineSettings(
        ("eng",), 7, 1, user_words=tmp_path / "my words", variables=(("tessedit_char_whitelist", "0123456789"),)
    )
    with contextlib.closing(engine_class()) as engine:
        assert words(recognise(engine, file))[-1] == "4711"
        assert "".join(words(recognise(engine, file, digits))).isdigit()
        assert words(recognise(engine, file))[0] == "Invoice"
        with pytest.raises(RecogniserError, match=r"^tesseract failed with exit code 1: .*xyz\.traineddata"):
            recognise(engine, file, EngineSettings(("xyz",), 3, 3))


@pytest.mark.parametrize("engine_class", [SingleEngine, StreamingEngine])
def test_a_broken_page(
    tmp_path: Path, draw: Draw, write: Write, engine_class: type[SingleEngine | StreamingEngine]
) -> None:
    whole = write("whole", draw())
    (tmp_path / "half.tif").write_bytes(whole.read_bytes()[:60])
    with contextlib.closing(engine_class()) as engine:
        with pytest.raises(RecogniserError, match="Error in pixRead"):
            recognise(engine, tmp_path / "half.tif")
        with pytest.raises(RecogniserError, match=r"tesseract failed with exit code 1: .*gone\.tif"):
            recognise(engine, tmp_path / "gone.tif")
        assert words(recognise(engine, whole))[:2] == ["The", "archive"]


@pytest.mark.parametrize("engine_class", [SingleEngine, StreamingEngine])
def test_any_folder(tmp_path: Path, draw: Draw, engine_class: type[SingleEngine | StreamingEngine]) -> None:
    folder = tmp_path / os.fsdecode(b"a\n'\"<&> \xff")
    folder.mkdir()
    with (folder / "page.tif").open("wb") as stream:
        write_page_file(draw(), 300, stream)
    with contextlib.closing(engine_class()) as engine:
        assert words(recognise(engine, folder / "page.tif"))[:2] == ["The", "archive"]


def test_the_limit_of_a_living_process_follows_the_page(draw: Draw, write: Write, streaming: StreamingEngine) -> None:
    small = write("small", draw())
    paper = Image.new("L", (5000, 5000), 255)
    paper.paste(draw())
    large = write("large", paper)
    limited = EngineSettings(("eng",), 3, 3, memory_bytes=130_000_000)
    assert limited == SETTINGS
    recognise(streaming, small, limited)
    first = streaming.pid
    with pytest.raises(RecogniserError, match="needed more memory than 130 MB"):
        recognise(streaming, large, limited)
    assert streaming.pid is None
    recognise(streaming, small, limited)
    second = streaming.pid
    assert words(recognise(streaming, large, SETTINGS))
    assert first != second == streaming.pid


def test_other_settings_need_another_process(draw: Draw, write: Write, streaming: StreamingEngine) -> None:
    file = write("page", draw())
    recognise(streaming, file)
    first = streaming.pid
    recognise(streaming, file, EngineSettings(("eng",), 6, 3))
    assert streaming.pid != first
    assert tesseracts() == [streaming.pid]


@pytest.mark.parametrize(("limit", "value"), [("_PAGES", 2), ("_IDLE_BYTES", 1)])
def test_a_worn_process_is_replaced(
    draw: Draw, write: Write, streaming: StreamingEngine, monkeypatch: pytest.MonkeyPatch, *, limit: str, value: int
) -> None:
    monkeypatch.setattr(f"supervisor.ocr.engines.streaming.{limit}", value)
    file = write("page", draw())
    for _ in range(2):
        assert "The" in words(recognise(streaming, file))
    assert streaming.pid is None
    assert tesseracts() == []


def test_one_thread_and_no_core_files(draw: Draw, write: Write, streaming: StreamingEngine) -> None:
    recognise(streaming, write("page", draw()))
    assert streaming.pid is not None
    tesseract = psutil.Process(streaming.pid)
    assert tesseract.environ()["OMP_THREAD_LIMIT"] == "1"
    assert tesseract.rlimit(psutil.RLIMIT_CORE)[0] == 0


def test_a_slot_is_held_until_tesseract_is_gone(tmp_path: Path, draw: Draw, write: Write) -> None:
    file = write("page", draw())
    lock = tmp_path / "lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        engine = StreamingEngine([held.fileno()])
        recognise(engine, file)
    with lock.open("w") as other:
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        engine.close()
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


OWNER = """
import sys, time
from pathlib import Path
from supervisor.ocr.engines.protocol import EngineSettings
from supervisor.ocr.engines.streaming import StreamingEngine
engine = StreamingEngine()
engine.recognise(Path(sys.argv[1]), EngineSettings(("eng",), 3, 3), timeout_seconds=60)
print(engine.pid, flush=True)
time.sleep(60)
"""


def test_tesseract_does_not_outlive_its_owner(draw: Draw, write: Write, wait_until: Callable[..., None]) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, write("page", draw())], stdout=subprocess.PIPE, process_group=0
    ) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert os.getpgid(pid) == owner.pid
        owner.kill()
    wait_until(lambda: has_ended(pid))


def test_orientation(corpus: Path, write: Write) -> None:
    with Image.open(corpus / "old-books/a006.tiff") as image:
        page = image.crop((400, 900, 1500, 1700)).convert("L")
    # Pillow turns counter-clockwise, so the same number of degrees clockwise turns back.
    for degrees, turn in {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180}.items():
        assert detect_orientation(write("page", page.transpose(turn)), SETTINGS, timeout_seconds=60) == degrees


def test_orientation_of_what_has_none(
    tmp_path: Path, draw: Draw, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    blank = write("blank", Image.new("L", (1000, 1000), 255))
    assert detect_orientation(blank, SETTINGS, timeout_seconds=60) is None
    assert detect_orientation(write("words", draw()), SETTINGS, timeout_seconds=60) is None
    with pytest.raises(RecogniserError, match=r"osd\.traineddata"):
        detect_orientation(blank, EngineSettings(("eng",), 3, 3, tessdata_dir=tmp_path), timeout_seconds=60)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for script, reason in (("kill -SEGV $$", "killed by SIGSEGV"), ("exec sleep 60", "took longer")):
        (tmp_path / "tesseract").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "tesseract").chmod(0o755)
        with pytest.raises(RecogniserError, match=reason):
            detect_orientation(blank, SETTINGS, timeout_seconds=0.5)
    assert tesseracts() == []


def test_the_stream_is_for_lstm_alone() -> None:
    tesseract = probe_tesseract()
    assert [can_stream(EngineSettings(("eng",), 3, mode), tesseract) for mode in range(4)] == [False, True, False, True]
    assert not can_stream(EngineSettings(("osd",), 3, 3), tesseract), "its data hold the classifier of tesseract 3"
