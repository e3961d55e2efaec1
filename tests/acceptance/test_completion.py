"""What a shell offers, asked of a real bash that has read the script."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported

BIN = str(Path(sys.executable).parent)
ASK = """
eval "$(supervisor completion bash)"
while IFS= read -r line; do
    mapfile -t COMP_WORDS < <(tr '|' '\\n' <<< "supervisor|$line")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _supervisor_completion supervisor
    (IFS='|'; echo "${COMPREPLY[*]}")
done
"""
HEAVY = ("sqlalchemy", "pymupdf", "PIL", "git", "pydantic", "rich", "psutil", "structlog", "psycopg2")
LIGHT = """
import atexit, sys
from supervisor.cli.main import main
atexit.register(lambda: print(*(name for name in {heavy} if name in sys.modules)))
main()
"""


def offered(archive: Archive, *lines: str, **environment: str) -> list[list[str]]:
    """What bash offers for the last of the words of some lines, between which there are bars."""
    env = archive.environment(**environment)
    env["PATH"] = f"{BIN}{os.pathsep}{env['PATH']}"
    asked = "".join(f"{line}\n" for line in lines)
    done = subprocess.run(
        ["bash", "-c", ASK], cwd=archive.top, env=env, input=asked, capture_output=True, text=True, check=True
    )
    assert not done.stderr
    return [answer.split("|") for answer in done.stdout.splitlines()]


def test_what_may_come_next_is_offered(three: Archive) -> None:
    three.job("a-1921", "scans/a.png")
    assert three.supervisor("start", "Night of May", "--run-ids=a,b").code == 0
    expected = {
        "sh": ["show"],
        "show|": ["a", "b"],
        'cancel|"Ni': ["Night of May"],
        "work|--session|=|Ni": [r"Night\ of\ May"],
        "--lane|=|A|--run-ids|=|b,a": ["b,a", "b,a-1921"],
        "completion|": ["bash", "zsh", "fish"],
    }
    assert dict(zip(expected, offered(three, *expected), strict=True)) == expected
    assert three.supervisor("start", "Odd\n\x1b[31mtitle", "--run-ids=c").code == 0
    assert offered(three, "status|") == [[r"Night\ of\ May"]]


def test_nothing_is_said_where_nothing_can_be_offered(three: Archive) -> None:
    """No control database yet, one that does not answer, no repository, settings that are wrong."""
    asked = "pause|"
    assert offered(three, asked) == [[""]]
    assert not three.runs.exists(), "to ask makes nothing"
    three.write("supervisor.toml", "priorty = 3\n")
    assert offered(three, asked, DATABASE_URL="postgresql://u:secret@127.0.0.1:1/x") == [[""]]
    shutil.rmtree(three.top / ".git")
    assert offered(three, asked, "--run-ids|") == [[""], [""]]


@pytest.mark.parametrize("words", ["", "s", "--ru"])
def test_commands_and_options_are_offered_without_loading_any(words: str) -> None:
    asked = {"COMP_WORDS": f"supervisor {words}", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LIGHT.format(heavy=HEAVY)],
        env=os.environ | asked | {"_SUPERVISOR_COMPLETE": "bash_complete"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count("\n") > 1
    assert done.stdout.endswith("\n\n"), "and the last line names no module"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(archive: Archive, tmp_path: Path, shell: str) -> None:
    script = tmp_path / "script"
    script.write_text(archive.supervisor("completion", shell).out)
    assert f"_SUPERVISOR_COMPLETE={shell}_complete" in script.read_text()
    if shutil.which(shell):
        subprocess.run([shell, "-n", str(script)], check=True)
