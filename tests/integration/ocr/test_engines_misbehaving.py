"""tesseracts that crash, hang, eat memory or write nonsense: each costs its page alone, with a reason."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from supervisor.ocr.engines.process import PageTimeoutError
from supervisor.ocr.engines.protocol import Engine, EngineSettings
from supervisor.ocr.engines.single import SingleEngine
from supervisor.ocr.engines.streaming import StreamingEngine
from supervisor.ocr.errors import RecogniserError, TesseractMissingError
from support import bad_tesseract
from support.tesseracts import tesseracts

SETTINGS = EngineSettings(("eng",), 3, 3, memory_bytes=300_000_000)


@pytest.fixture(params=[SingleEngine, StreamingEngine])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    engine: Engine = request.param()
    yield engine
    engine.close()
    assert tesseracts() == []


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    for name in ("good.tif", "bad.tif", "next.tif"):
        (tmp_path / name).touch()
    return tmp_path


def recognise(engine: Engine, page: Path, timeout_seconds: float = 20) -> str:
    return engine.recognise(page, SETTINGS, timeout_seconds=timeout_seconds)


@pytest.mark.parametrize(
    ("behaviour", "reason", "signal"),
    [
        ("crash", "tesseract was killed by SIGSEGV", 11),
        ("eat_memory", "tesseract needed more memory than 300 MB", None),
        ("half_do", "tesseract needed more memory than 300 MB", None),
        ("no_utf8", "tesseract wrote what is not UTF-8", None),
        ("nothing", "tesseract ended without writing its result", None),
        ("no_end", "tesseract wrote more than 64 MB", None),
        ("fail", "tesseract failed with exit code 3: the image is broken", None),
        ("fail_in_latin", "tesseract failed with exit code 1: caf\ufffd", None),
    ],
)
def test_it_costs_its_page_alone(engine: Engine, pages: Path, behaviour: str, reason: str, signal: int | None) -> None:
    bad_tesseract.install(pages / "bin", behaviour)
    assert "good.tif" in recognise(engine, pages / "good.tif")
    with pytest.raises(RecogniserError) as caught:
        recognise(engine, pages / "bad.tif")
    assert (caught.value.message, caught.value.killed_by) == (reason, signal)
    assert tesseracts() == []
    assert "next.tif" in recognise(engine, pages / "next.tif")


@pytest.mark.parametrize("behaviour", ["hang", "stay_behind"])
def test_a_page_without_end(engine: Engine, pages: Path, behaviour: str) -> None:
    bad_tesseract.install(pages / "bin", behaviour)
    began = time.monotonic()
    with pytest.raises(PageTimeoutError, match=r"^took longer than page_timeout_seconds allows$") as caught:
        recognise(engine, pages / "bad.tif", timeout_seconds=0.5)
    assert caught.value.killed_by is None
    assert time.monotonic() - began >= 0.5
    assert tesseracts() == []
    assert "next.tif" in recognise(engine, pages / "next.tif")


def test_a_script_around_tesseract_ends_with_it(engine: Engine, pages: Path, wait_until: Callable[..., None]) -> None:
    (pages / "bin").mkdir()
    program = pages / "bin/tesseract"
    program.write_text(f'#!/bin/sh\necho $$ > "{pages}/pids"\nsleep 100 &\necho $! >> "{pages}/pids"\nwait\n')
    program.chmod(0o755)
    with pytest.raises(PageTimeoutError):
        recognise(engine, pages / "good.tif", timeout_seconds=0.5)
    script, inner = map(int, (pages / "pids").read_text().split())
    assert not psutil.pid_exists(script)
    wait_until(lambda: not psutil.pid_exists(inner) or psutil.Process(inner).status() == psutil.STATUS_ZOMBIE)


def test_what_is_no_hocr(engine: Engine, pages: Path) -> None:
    bad_tesseract.install(pages / "bin", "no_hocr")
    with pytest.raises(RecogniserError, match=r"tesseract (wrote what is no hOCR|ended without writing its result)"):
        recognise(engine, pages / "bad.tif")


def test_a_flood_of_messages_blocks_nothing(engine: Engine, pages: Path) -> None:
    bad_tesseract.install(pages / "bin", "chatter")
    assert "bad" in recognise(engine, pages / "bad.tif")


def test_a_signal_to_an_idle_process_costs_nothing(pages: Path) -> None:
    bad_tesseract.install(pages / "bin", "nothing")
    engine = StreamingEngine()
    recognise(engine, pages / "good.tif")
    assert engine.pid is not None
    killed = psutil.Process(engine.pid)
    killed.kill()
    killed.wait()
    assert "next.tif" in recognise(engine, pages / "next.tif")
    assert engine.pid != killed.pid
    engine.close()


def test_more_than_one_answer(pages: Path) -> None:
    """A stream that is out of step would give a page the text of another."""
    program = pages / "bin/tesseract"
    program.parent.mkdir()
    page = bad_tesseract.PAGE.format("x")
    program.write_text(f"#!/bin/sh\nread name\ncat <<'END'\n{page}{page}\nEND\nread name\n")
    program.chmod(0o755)
    engine = StreamingEngine()
    with pytest.raises(RecogniserError, match="more than the answer for one page"):
        recognise(engine, pages / "good.tif")
    assert engine.pid is None


def test_none_at_all(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TesseractMissingError, match="tesseract is not installed, or not on PATH"):
        recognise(engine, tmp_path / "page.tif")
    (tmp_path / "tesseract").write_text("#!/bin/sh\n")
    with pytest.raises(TesseractMissingError, match="tesseract cannot be started: Permission denied"):
        recognise(engine, tmp_path / "page.tif")
