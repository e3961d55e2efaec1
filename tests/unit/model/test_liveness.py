from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.locks.machine import Machine, this_machine
from supervisor.model.liveness import HolderView, Nearness, Verdict, nearness, verdict

HERE = Machine(machine_id="m1", boot_id="b1", pid_namespace="pid:[1]", host="attic")
SEEN = st.none() | st.booleans()
ALIVE, DEAD, BY_LEASE = Verdict.ALIVE, Verdict.DEAD, Verdict.BY_LEASE


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Nearness.PIDS),
        ({"host": "renamed"}, Nearness.PIDS),
        ({"pid_namespace": "pid:[2]"}, Nearness.KERNEL),
        ({"pid_namespace": None}, Nearness.KERNEL),
        ({"pid_namespace": "pid:[2]", "host": "container", "machine_id": "m2"}, Nearness.KERNEL),
        ({"boot_id": "b0"}, Nearness.MACHINE),
        ({"boot_id": "b0", "pid_namespace": "pid:[2]"}, Nearness.MACHINE),
        ({"boot_id": "b0", "host": "cellar"}, Nearness.NOTHING),
        ({"boot_id": "b0", "machine_id": "m2"}, Nearness.NOTHING),
        ({"boot_id": "b0", "machine_id": None}, Nearness.NOTHING),
        ({"boot_id": None}, Nearness.NOTHING),
    ],
)
def test_what_is_shared(changes: dict[str, str | None], expected: Nearness) -> None:
    there = replace(HERE, **changes)
    assert nearness(there, HERE) is expected
    assert nearness(HERE, there) is expected


def test_what_is_unknown_on_both_sides_is_not_shared() -> None:
    unknown = replace(HERE, boot_id=None)
    assert nearness(unknown, unknown) is Nearness.NOTHING
    nameless = replace(HERE, machine_id=None)
    assert nearness(replace(nameless, boot_id="b0"), nameless) is Nearness.NOTHING


def test_this_process_shares_its_pids_with_itself() -> None:
    assert nearness(this_machine(), this_machine()) is Nearness.PIDS


@pytest.mark.parametrize(
    ("near", "lock_held", "process_alive", "expected"),
    [
        (Nearness.PIDS, True, True, ALIVE),
        (Nearness.PIDS, True, False, ALIVE),
        (Nearness.PIDS, False, True, DEAD),
        (Nearness.PIDS, False, False, DEAD),
        (Nearness.PIDS, None, True, ALIVE),
        (Nearness.PIDS, None, False, DEAD),
        (Nearness.PIDS, None, None, BY_LEASE),
        (Nearness.KERNEL, True, None, ALIVE),
        (Nearness.KERNEL, False, None, DEAD),
        (Nearness.KERNEL, None, None, BY_LEASE),
        # Pids of another namespace say nothing, whoever looked them up.
        (Nearness.KERNEL, None, True, BY_LEASE),
        (Nearness.KERNEL, None, False, BY_LEASE),
        (Nearness.KERNEL, True, False, ALIVE),
        (Nearness.KERNEL, False, True, DEAD),
    ],
)
def test_under_one_kernel(
    near: Nearness, lock_held: bool | None, process_alive: bool | None, expected: Verdict
) -> None:
    assert verdict(HolderView(nearness=near, lock_held=lock_held, process_alive=process_alive)) is expected


@given(SEEN, SEEN)
def test_an_earlier_boot_is_over(lock_held: bool | None, process_alive: bool | None) -> None:
    assert verdict(HolderView(nearness=Nearness.MACHINE, lock_held=lock_held, process_alive=process_alive)) is DEAD


@given(SEEN, SEEN)
def test_elsewhere_only_the_lease_tells(lock_held: bool | None, process_alive: bool | None) -> None:
    assert verdict(HolderView(nearness=Nearness.NOTHING, lock_held=lock_held, process_alive=process_alive)) is BY_LEASE


def test_a_claim_by_hand_is_judged_by_its_lease() -> None:
    assert verdict(None) is BY_LEASE
