from pathlib import Path

import pytest

from supervisor.git.command import Git


def test_git_is_told_nothing_of_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\nenv\n")
    program.chmod(0o755)
    monkeypatch.setenv("DATABASE_URL", "postgresql://ada:secret@db/ocr")
    monkeypatch.setenv("PGPASSWORD", "secret")
    alias = ("-c", f"alias.tell=!{program}", "tell")
    told = Git(directory=tmp_path).run(*alias)
    assert b"PATH=" in told
    assert b"secret" not in told
