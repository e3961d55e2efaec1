"""The peers that benchmarks compare with: installed into `.venv-peers`, as `peers.lock` says."""

import fcntl
import hashlib
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOCK = HERE / "peers.lock"


def peers_python() -> Path:
    """Return the Python of `.venv-peers`, which is made if it is not there or not as locked."""
    folder = HERE.parent / ".venv-peers"
    stamp, python = folder / ".stamp", folder / "bin" / "python"
    with LOCK.open("rb") as lock:
        # Two benchmarks at once would mix their files.
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = hashlib.sha256(lock.read() + sys.version.encode()).hexdigest()
        if not stamp.exists() or stamp.read_text() != wanted:
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            pip = [python, "-m", "pip", "--quiet", "--quiet", "--disable-pip-version-check", "--no-input"]
            subprocess.run([*pip, "install", "--require-hashes", "-r", LOCK], check=True)
            stamp.write_text(wanted)
    return python


def locked_version(name: str) -> str:
    found = re.search(rf"^{name}==(\S+)", LOCK.read_text(), re.MULTILINE)
    return found[1]
