import json
import os
from dataclasses import replace
from datetime import timedelta

import pytest

from supervisor.locks.holder import Holder
from supervisor.locks.machine import this_machine


@pytest.fixture
def holder() -> Holder:
    return Holder.this_process("a", term=3)


def test_a_record_survives_json(holder: Holder) -> None:
    full = replace(holder, workspace="/w/a", process_group=99, process_group_started_at=12.34)
    assert Holder.from_json(full.to_json()) == full
    assert Holder.from_json(holder.to_json()) == holder


def test_this_process_is_here_and_alive(holder: Holder) -> None:
    assert holder.pid == os.getpid()
    assert holder.taken_at.utcoffset() == timedelta(0)
    assert holder.is_here()
    assert holder.is_alive() is True
    assert holder.describe() == f"pid {os.getpid()} on {this_machine().host}"


@pytest.mark.parametrize("noise", [0.0, 1e-7, 0.01, -1.0])
def test_a_start_time_may_be_a_little_off(holder: Holder, noise: float) -> None:
    assert replace(holder, process_started_at=holder.process_started_at + noise).is_alive() is True


def test_a_recycled_pid_is_not_alive(holder: Holder) -> None:
    assert replace(holder, process_started_at=holder.process_started_at - 60).is_alive() is False


@pytest.mark.parametrize("elsewhere", [{"machine_id": "m"}, {"boot_id": "b"}, {"pid_namespace": "pid:[1]"}])
def test_nothing_is_known_about_processes_elsewhere(holder: Holder, elsewhere: dict[str, str]) -> None:
    there = replace(holder, **elsewhere)
    assert not there.is_here()
    assert there.is_alive() is None


@pytest.mark.parametrize(
    ("elsewhere", "ours"),
    [
        ({}, True),
        ({"pid_namespace": "pid:[1]", "host": "container"}, True),
        ({"machine_id": "of the container's image", "host": "container"}, True),
        ({"boot_id": "before"}, True),
        ({"boot_id": "b", "machine_id": "m"}, False),
        ({"boot_id": "b", "host": "a machine cloned from the same image"}, False),
    ],
)
def test_whose_kernel_gave_the_lock(holder: Holder, elsewhere: dict[str, str], ours: bool) -> None:
    assert replace(holder, **elsewhere).is_under_our_kernel() is ours


@pytest.mark.parametrize(
    "change",
    [
        {"pid": "12"},
        {"pid": 0},
        {"pid": -5},
        {"pid": True},
        {"taken_at": "yesterday"},
        {"taken_at": "2026-01-01T00:00:00"},
        {"process_started_at": None},
        {"process_group": "1"},
    ],
)
def test_a_record_of_another_shape_is_none(holder: Holder, change: dict[str, object]) -> None:
    assert Holder.from_json(json.dumps(json.loads(holder.to_json()) | change)) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '{"pid": 1}', "\x00"])
def test_a_damaged_record_is_none(text: str) -> None:
    assert Holder.from_json(text) is None
