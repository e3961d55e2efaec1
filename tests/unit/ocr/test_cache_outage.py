import logging

import pytest

from supervisor.ocr.cache.outage import Outage
from support.clocks import HandClock


def test_what_failed_is_left_alone_for_a_minute_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = HandClock()
    outage = Outage("the database is away", monotonic=clock.monotonic)
    assert not outage.lasts
    outage.begin("connection refused")
    clock.seconds = 59
    assert outage.lasts
    clock.seconds = 60
    assert not outage.lasts
    outage.begin("connection refused")
    assert outage.lasts
    assert caplog.record_tuples == [
        ("supervisor.ocr.cache.outage", logging.WARNING, "the database is away: connection refused")
    ]
