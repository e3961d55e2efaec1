"""What a family of processes uses, against what the system tells whoever waits for it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from supervisor.executor import meter
from supervisor.executor.messages import Used
from supervisor.executor.meter import Meter

METERED = Path(__file__).with_name("metered.py")


def test_the_time_of_a_family_is_what_the_system_tells_those_who_wait_for_it() -> None:
    with subprocess.Popen([sys.executable, str(METERED)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.read() or "null")
        _, status, truth = os.wait4(process.pid, 0)
        process.returncode = status
    assert status == 0
    seconds = truth.ru_utime + truth.ru_stime
    assert seconds > 0.6
    # Clock ticks, and the end of the process itself.
    assert told["cpu"] == pytest.approx(seconds, rel=0.03, abs=0.08)
    # What one of them held for a moment; the interpreters beside it need some, too.
    assert 40 * 2**20 < told["peak"] < 140 * 2**20


def test_measuring_costs_next_to_nothing_however_often_it_is_asked_for() -> None:
    measuring = Meter()
    begun, count, until = time.process_time(), 0, time.monotonic() + 0.5
    told = []
    while time.monotonic() < until:
        told.append(measuring.look())
        count += 1
    assert [used for used in told if used is not None] == told[:1]
    assert (time.process_time() - begun) / count < 0.0001


def test_memory_is_asked_for_more_rarely_where_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []

    def slowly(_pid: int) -> int:
        end = time.thread_time() + 0.02
        while time.thread_time() < end:
            pass
        measured.append(1)
        return 1

    monkeypatch.setattr(meter, "_memory_bytes", slowly)
    monkeypatch.setattr(meter, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(meter, "_family", lambda: iter([os.getpid()]))
    measuring = Meter()
    assert all(isinstance(measuring.look(), Used) for _ in range(20))
    assert len(measured) == 1
