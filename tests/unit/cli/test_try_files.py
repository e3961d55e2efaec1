from pathlib import Path

import pytest
from click.testing import CliRunner

from supervisor.cli import try_files as module
from supervisor.cli.main import cli


@pytest.mark.parametrize(
    ("arguments", "environment", "workers"),
    [
        ([], {"SUPERVISOR_OCR_SLOTS": "5"}, 5),
        ([], {"SUPERVISOR_OCR_SLOTS": "1"}, 2),
        ([], {"SUPERVISOR_OCR_SLOTS": "5", "OCR_WORKERS": "3"}, 3),
        (["--ocr-workers", "1"], {"SUPERVISOR_OCR_SLOTS": "5", "OCR_WORKERS": "3"}, 1),
    ],
)
def test_page_processes_are_as_many_as_in_runs(
    arguments: list[str],
    environment: dict[str, str],
    workers: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def refuse(number: int, **_: object) -> None:
        asked.append(number)
        raise RuntimeError("as far as it goes")

    monkeypatch.setattr(module, "PagePool", refuse)
    (tmp_path / "page.png").touch()
    CliRunner(env=environment).invoke(cli, ["try", *arguments, str(tmp_path / "page.png")])
    assert asked == [workers]
