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


def test_scratch_is_the_same_for_every_process_and_another_for_every_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = RunsDirectory(tmp_path / "runs")
    assert here.scratch("a") == RunsDirectory(Path("runs")).scratch("a")
    others = [here.scratch("b"), RunsDirectory(tmp_path / "other").scratch("a")]
    assert here.scratch("a") not in others
    assert str(os.getuid()) in here.scratch("a").name
    assert not here.scratch("a").exists()


def test_scratch_without_memory_backed_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "MEMORY_BACKED", tmp_path / "missing")
    monkeypatch.setattr(layout.tempfile, "tempdir", str(tmp_path))
    assert RunsDirectory(tmp_path / "runs").scratch("a").parent == tmp_path


def test_a_runs_directory_of_any_bytes_has_scratch() -> None:
    assert RunsDirectory(Path(os.fsdecode(b"/runs-\xff"))).scratch("a").name.isascii()
