"""`--help` answers at once."""

import os
import subprocess
import sys
from pathlib import Path

HEAVY = ("sqlalchemy", "pymupdf", "PIL", "git", "pydantic", "rich", "psutil", "pebble", "multiprocessing", "psycopg2")
ASK = """
import sys
from supervisor.cli.main import main
try:
    main(["--help"])
except SystemExit as end:
    assert end.code == 0
print("imported:", *(name for name in {heavy} if name in sys.modules))
"""
PROGRAM = Path(sys.executable).with_name("supervisor")


def least_seconds(*command: str | Path) -> float:
    """Return the processor time of a command, which other work on the machine does not lengthen as it does the wait."""

    def once() -> float:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return usage.ru_utime + usage.ru_stime

    return min(once() for _ in range(7))


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", ASK.format(heavy=HEAVY)], capture_output=True, text=True, check=True)
    assert "--run-ids" in done.stdout
    assert done.stdout.endswith("imported:\n")


def test_help_answers_within_150_ms_of_the_interpreter() -> None:
    interpreter = least_seconds(sys.executable, "-c", "pass")
    assert least_seconds(PROGRAM, "--help") - interpreter < 0.150
