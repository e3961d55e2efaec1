import os
from pathlib import Path

import pytest

from supervisor.artifacts import layout
from supervisor.artifacts.layout import RunDirectory, RunsDirectory


def test_the_names_that_others_rely_on() -> None:
    runs = RunsDirectory(Path("/r"))
    assert runs.control_database == Path("/r/control.db")
    run = runs.run("letters")
    assert run == RunDirectory(Path("/r/letters"))
    assert run.run_id == "letters"
    assert run.database == Path("/r/letters/letters.db")
    assert run.manifest == Path("/r/letters/run.json")
    assert run.output == Path("/r/letters/output")
    assert run.log == Path("/r/letters/logs/executor.log")
    assert run.trace == Path("/r/letters/trace.jsonl")
    assert run.staging(3) == Path("/r/letters/.staging/3")
    assert runs.spill("letters").parent == Path("/r/letters")


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for memory-backed storage, which everybody may write to."""
    folder = tmp_path / "memory"
    folder.mkdir()
    folder.chmod(0o1777)
    monkeypatch.setattr(layout, "MEMORY_BACKED", folder)
    return folder


def test_scratch_is_the_same_for_every_process_and_another_for_every_run(
    tmp_path: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = RunsDirectory(tmp_path / "runs")
    assert here.scratch("a") == RunsDirectory(Path("runs")).scratch("a")
    others = [here.scratch("b"), RunsDirectory(tmp_path / "other").scratch("a")]
    assert here.scratch("a") not in others
    ours = memory / f"supervisor-{os.getuid()}"
    assert here.scratch("a").parent == ours
    assert not here.scratch("a").exists()
    assert ours.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("trap", ["no memory", "open to others", "a link", "a file", "another's"])
def test_scratch_is_on_disk_where_memory_is_not_ours_alone(tmp_path: Path, memory: Path, trap: str) -> None:
    ours = memory / f"supervisor-{os.getuid()}"
    match trap:
        case "no memory":
            memory.rmdir()
        case "open to others":
            ours.mkdir()
            ours.chmod(0o777)
        case "a link":
            ours.symlink_to(tmp_path)
        case "a file":
            ours.touch()
        case "another's":
            if os.getuid() != 0:
                pytest.skip("only root can give a directory away")
            ours.mkdir(mode=0o700)
            os.chown(ours, 12345, 12345)
    runs = RunsDirectory(tmp_path / "runs")
    assert runs.scratch("a") == runs.spill("a")


def test_a_runs_directory_of_any_bytes_has_scratch() -> None:
    assert RunsDirectory(Path(os.fsdecode(b"/runs-\xff"))).scratch("a").name.isascii()
