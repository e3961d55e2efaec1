"""`--help` answers at once, because it loads nothing that it does not need; `scripts/bench start` measures it."""

import subprocess
import sys

HEAVY = (
    "sqlalchemy",
    "structlog",
    "pymupdf",
    "PIL",
    "git",
    "pydantic",
    "rich",
    "psutil",
    "pebble",
    "multiprocessing",
    "psycopg2",
)
ASK = """
import sys
from supervisor.cli.main import main
try:
    main(["--help"])
except SystemExit as end:
    assert end.code == 0
print("imported:", *(name for name in {heavy} if name in sys.modules))
"""


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", ASK.format(heavy=HEAVY)], capture_output=True, text=True, check=True)
    assert "--run-ids" in done.stdout
    assert done.stdout.endswith("imported:\n")


def test_commands_that_only_look_load_nothing_that_reads_job_files() -> None:
    modules = ("dashboard", "logs", "sessions", "show", "status", "summary", "workers")
    imports = "; ".join(f"import supervisor.cli.{name}" for name in modules)
    loaded = "print(*({'pydantic', 'PIL', 'pymupdf'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {imports}; {loaded}"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"
