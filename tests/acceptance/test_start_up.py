"""`--help` answers at once."""

import subprocess
import sys
import time
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


def fastest_seconds(*command: str | Path) -> float:
    def once() -> float:
        before = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - before

    return min(once() for _ in range(7))


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", ASK.format(heavy=HEAVY)], capture_output=True, text=True, check=True)
    assert "--run-ids" in done.stdout
    assert done.stdout.endswith("imported:\n")


def test_help_answers_within_150_ms_of_the_interpreter() -> None:
    interpreter = fastest_seconds(sys.executable, "-c", "pass")
    assert fastest_seconds(PROGRAM, "--help") - interpreter < 0.150
