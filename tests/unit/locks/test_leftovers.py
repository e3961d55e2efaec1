from dataclasses import replace
from pathlib import Path

from supervisor.locks.holder import Holder
from supervisor.locks.lease import WorkspaceLease
from supervisor.locks.leftovers import sweep_records
from supervisor.locks.runlock import ExecutorLockManager


def hidden(runs_dir: Path) -> set[str]:
    return {path.name for path in runs_dir.glob(".*/*.json*") if path.suffix != ".lock"}


def test_records_go_with_their_holders(tmp_path: Path) -> None:
    locks = ExecutorLockManager(tmp_path)
    lease = WorkspaceLease(tmp_path, tmp_path / "workspaces" / "b", run_id="b")
    for name in ("dead", "dead.json", "half"):
        locks.acquire(name).close()
    for name in ("dead.json", "dead.json.json", "half.json.tmp", "no-lock-file.json"):
        (locks.locks_dir / name).write_text(Holder.this_process("dead", term=1).to_json())
    with locks.acquire("a"), lease.acquire():
        (locks.locks_dir / "a.json.tmp").write_text("its holder is at it")
        sweep_records(tmp_path)
        assert hidden(tmp_path) == {"a.json", "a.json.tmp", lease.file.record_path.name}
    sweep_records(tmp_path)
    assert hidden(tmp_path) == set()
    sweep_records(tmp_path / "missing")
    assert not (tmp_path / "missing").exists()


def test_a_record_of_another_machine_stays(tmp_path: Path) -> None:
    locks = ExecutorLockManager(tmp_path)
    locks.acquire("a").close()
    holder = replace(Holder.this_process("a", term=1), machine_id="m", boot_id="b", host="elsewhere")
    (locks.locks_dir / "a.json").write_text(holder.to_json())
    sweep_records(tmp_path)
    assert hidden(tmp_path) == {"a.json"}
