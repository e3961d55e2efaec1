"""A page process's slot and its tesseract: kept between pages, given back when idle or when others wait."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from PIL import Image

from supervisor.ocr.engines.page_file import write_page_file
from supervisor.ocr.engines.protocol import EngineSettings
from supervisor.ocr.engines.streaming import StreamingEngine
from supervisor.ocr.limits import UNIT_BYTES
from supervisor.ocr.pages import seat as module
from supervisor.ocr.pages.seat import Seat
from supervisor.ocr.slots.budget import Slot, SlotBudget

SETTINGS = EngineSettings(("eng",), page_segmentation=7, engine_mode=3)
WaitUntil = Callable[..., None]


@dataclass
class Sitting:
    """A seat in a budget of one slot, and the tesseracts that served in it."""

    seat: Seat
    budget: SlotBudget
    page: Path
    served: list[psutil.Process] = field(default_factory=list)

    def recognise(self, memory_bytes: int = UNIT_BYTES) -> psutil.Process:
        with self.seat.taken(memory_bytes, wanted=lambda: True) as engines:
            assert engines is not None
            assert "archive" in engines.streaming.recognise(self.page, SETTINGS, timeout_seconds=30)
            assert isinstance(engines.streaming, StreamingEngine)
            assert engines.streaming.pid is not None
            self.served.append(psutil.Process(engines.streaming.pid))
        return self.served[-1]

    @property
    def reserved(self) -> list[int]:
        """What those who have slots have reserved."""
        return [found.claim.memory_bytes for found in self.budget.state().taken if found.claim]


@pytest.fixture
def sitting(tmp_path: Path, draw: Callable[..., Image.Image]) -> Iterator[Sitting]:
    (tmp_path / "slots").mkdir()
    budget = SlotBudget(tmp_path / "slots", slots=1, memory_bytes=10 * UNIT_BYTES)
    with (tmp_path / "page.tif").open("wb") as stream:
        write_page_file(draw(), 300, stream)
    made = Sitting(Seat(budget), budget, tmp_path / "page.tif")
    yield made
    made.seat.close()
    assert made.reserved == []
    assert not [process for process in made.served if process.is_running()]


@pytest.fixture
def never_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IDLE_SECONDS", 60)


@pytest.fixture
def somebody_waits(sitting: Sitting, wait_until: WaitUntil) -> Iterator[Callable[[], Future[Slot]]]:
    """Let somebody else wait for the slot, who gives it back as soon as the test is over."""
    with ThreadPoolExecutor() as threads:
        waiting: list[Future[Slot]] = []

        def wait() -> Future[Slot]:
            waiting.append(threads.submit(sitting.budget.acquire, UNIT_BYTES))
            wait_until(lambda: sitting.budget.state().waiting)
            return waiting[-1]

        yield wait
        sitting.seat.close()
        for one in waiting:
            one.result(timeout=30).release()


@pytest.mark.usefixtures("never_idle")
def test_slot_and_tesseract_are_kept_from_page_to_page(sitting: Sitting) -> None:
    first = sitting.recognise()
    assert first.is_running()
    assert sitting.reserved == [UNIT_BYTES]
    assert sitting.recognise() == first


def test_an_idle_tesseract_is_ended_and_its_slot_given_back(sitting: Sitting, wait_until: WaitUntil) -> None:
    first = sitting.recognise()
    wait_until(lambda: not sitting.reserved)
    assert not first.is_running()
    second = sitting.recognise()
    assert second != first
    assert sitting.reserved == [UNIT_BYTES]


def test_nothing_is_given_back_while_a_page_is_under_way(sitting: Sitting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IDLE_SECONDS", 0.05)
    # Those of other tests may have a minute to go.
    before = set(threading.enumerate())
    sitting.recognise()
    timers = set(threading.enumerate()) - before
    with sitting.seat.taken(UNIT_BYTES, wanted=lambda: True):
        # The one that was set before this page began has come to its end.
        for timer in timers:
            timer.join()
        assert sitting.reserved == [UNIT_BYTES]
        assert sitting.served[0].is_running()


@pytest.mark.usefixtures("never_idle")
def test_after_its_turn_it_makes_room_for_who_waits(
    sitting: Sitting, somebody_waits: Callable[[], Future[Slot]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sitting.recognise()
    other = somebody_waits()
    sitting.recognise()
    assert not other.done(), "its turn is not over"
    monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + module._TURN_SECONDS)
    sitting.recognise()
    slot = other.result(timeout=30)
    assert sitting.served[0] == sitting.served[-1]
    assert not sitting.served[0].is_running()
    slot.release()


@pytest.mark.usefixtures("never_idle")
def test_after_its_turn_it_goes_on_if_nobody_waits(sitting: Sitting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TURN_SECONDS", 0)
    first = sitting.recognise()
    assert sitting.recognise() == first


@pytest.mark.usefixtures("never_idle")
def test_a_page_that_needs_more_memory_takes_its_slot_anew(sitting: Sitting) -> None:
    first = sitting.recognise()
    assert sitting.recognise(2 * UNIT_BYTES) != first
    assert sitting.reserved == [2 * UNIT_BYTES]
    assert not first.is_running()


@pytest.mark.usefixtures("never_idle")
def test_a_page_that_fails_leaves_the_seat_in_order(sitting: Sitting) -> None:
    with pytest.raises(RuntimeError), sitting.seat.taken(UNIT_BYTES, wanted=lambda: True):
        raise RuntimeError
    assert sitting.reserved == [UNIT_BYTES]
    sitting.recognise()


@pytest.mark.usefixtures("never_idle")
def test_a_tesseract_holds_the_slot_that_it_works_in(sitting: Sitting) -> None:
    process = sitting.recognise()
    held = {Path(file).readlink() for file in Path(f"/proc/{process.pid}/fd").iterdir()}
    assert any(file.parent == sitting.budget.directory for file in held)
