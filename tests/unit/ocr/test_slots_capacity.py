from pathlib import Path

import pytest

from supervisor.errors import UsageError
from supervisor.ocr.slots.capacity import Capacity, measure_capacity
from supervisor.ocr.slots.cgroups import memory_limit_bytes, quota_cores

GB = 10**9


def machine(root: Path, group: str, files: dict[str, str]) -> Path:
    """Make a /proc and /sys with a process in a control group."""
    for name, content in {"proc/self/cgroup": group, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    return root


@pytest.mark.parametrize(
    ("capacity", "slots"),
    [
        (Capacity(cores=8, quota_cores=None, memory_bytes=64 * GB), 8),
        (Capacity(cores=8, quota_cores=2.0, memory_bytes=64 * GB), 2),
        (Capacity(cores=8, quota_cores=1.5, memory_bytes=64 * GB), 2),
        (Capacity(cores=8, quota_cores=0.2, memory_bytes=64 * GB), 1),
        (Capacity(cores=2, quota_cores=16.0, memory_bytes=64 * GB), 2),
        (Capacity(cores=8, quota_cores=None, memory_bytes=4 * GB), 4),
        (Capacity(cores=8, quota_cores=None, memory_bytes=GB // 2), 1),
        (Capacity(cores=2, quota_cores=None, memory_bytes=4 * GB, chosen_slots=7), 7),
    ],
)
def test_slots_follow_cores_quota_and_memory(capacity: Capacity, slots: int) -> None:
    assert capacity.slots == slots


@pytest.mark.parametrize(("slots", "page_processes"), [(1, 2), (2, 2), (7, 7)])
def test_one_page_process_can_prepare_while_another_recognises(slots: int, page_processes: int) -> None:
    assert Capacity(cores=2, quota_cores=None, memory_bytes=4 * GB, chosen_slots=slots).page_processes == page_processes


def test_a_fifth_of_the_memory_is_left_to_others() -> None:
    assert Capacity(cores=1, quota_cores=None, memory_bytes=10 * GB).memory_for_pages == 8 * GB


def test_a_machine_without_groups_has_no_limits(tmp_path: Path) -> None:
    assert quota_cores(tmp_path) is None
    assert memory_limit_bytes(tmp_path) is None


def test_version_2_the_narrowest_group_around_us_counts(tmp_path: Path) -> None:
    root = machine(
        tmp_path,
        "0::/batch.slice/job.scope",
        {
            "sys/fs/cgroup/batch.slice/cpu.max": "150000 100000",
            "sys/fs/cgroup/batch.slice/memory.max": "8000000000",
            "sys/fs/cgroup/batch.slice/job.scope/cpu.max": "max 100000",
            "sys/fs/cgroup/batch.slice/job.scope/memory.max": "max",
            "sys/fs/cgroup/batch.slice/job.scope/memory.high": "3000000000",
            "sys/fs/cgroup/other.slice/memory.max": "1",
        },
    )
    assert quota_cores(root) == 1.5
    assert memory_limit_bytes(root) == 3 * GB


def test_version_2_in_a_container_the_top_is_ours(tmp_path: Path) -> None:
    root = machine(
        tmp_path, "0::/", {"sys/fs/cgroup/cpu.max": "50000 100000", "sys/fs/cgroup/memory.max": "1000000000"}
    )
    assert quota_cores(root) == 0.5
    assert memory_limit_bytes(root) == GB


def test_version_1_has_a_tree_for_each_controller(tmp_path: Path) -> None:
    root = machine(
        tmp_path,
        "5:memory:/box\n4:cpu,cpuacct:/box/inner\n0::/",
        {
            "sys/fs/cgroup/cpu/box/inner/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu/box/inner/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/cpu/box/cpu.cfs_quota_us": "300000",
            "sys/fs/cgroup/cpu/box/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/memory/box/memory.limit_in_bytes": "2000000000",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
        },
    )
    assert quota_cores(root) == 3.0
    assert memory_limit_bytes(root) == 2 * GB


def test_version_1_in_a_container_the_path_is_the_hosts(tmp_path: Path) -> None:
    root = machine(tmp_path, "5:memory:/docker/0123", {"sys/fs/cgroup/memory/memory.limit_in_bytes": "1000000000"})
    assert memory_limit_bytes(root) == GB


def test_the_environment_decides(tmp_path: Path) -> None:
    assert measure_capacity({"SUPERVISOR_OCR_SLOTS": "3"}, root=tmp_path).slots == 3
    assert measure_capacity({"SUPERVISOR_OCR_SLOTS": ""}, root=tmp_path).chosen_slots is None


@pytest.mark.parametrize("text", ["0", "-1", "2.5", "many", "1001", "²", "9" * 5000])
def test_what_is_no_number_of_slots_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="SUPERVISOR_OCR_SLOTS"):
        measure_capacity({"SUPERVISOR_OCR_SLOTS": text}, root=tmp_path)


def test_the_limit_of_the_group_counts_as_the_memory(tmp_path: Path) -> None:
    root = machine(tmp_path, "0::/", {"sys/fs/cgroup/memory.max": "1000000000"})
    found = measure_capacity({}, root=root)
    assert found.memory_bytes == GB
    assert found.slots == 1
