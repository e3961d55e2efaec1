"""The page of captures against the program: every command at each width, and no line wider than its terminal."""

import re
from pathlib import Path

import pytest
from rich.cells import cell_len

PAGE = (Path(__file__).parents[3] / "docs" / "captures.md").read_text()
WATCHED = (
    *("start", "status", "status --verbose", "list", "pause", "resume", "cancel", "dashboard", "workers"),
    *("workers scale", "summary", "logs", "show", "cleanup", "doctor", "trace export", "completion", "--run-ids"),
    *("locks", "--list-worktrees"),
)


def captures(columns: int) -> dict[str, list[str]]:
    """Return what commands print at one width, by what was typed."""
    (part,) = re.findall(rf"^## {columns} columns$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    blocks = re.findall(r"^```text\n\$ supervisor (.*?)\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
    return {typed: content.splitlines() for typed, content in blocks}


@pytest.mark.parametrize("columns", [80, 160])
def test_each_command_is_shown_as_wide_as_the_terminal_at_most(columns: int) -> None:
    found = captures(columns)
    missing = [name for name in WATCHED if not any(typed.startswith(name) for typed in found)]
    assert not missing
    assert [line for lines in found.values() for line in lines if cell_len(line) > columns] == []
    assert [typed for typed, lines in found.items() if lines and lines[0].startswith("supervisor: ")] == []
