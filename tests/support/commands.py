"""How a command of the program goes on, and how it ended."""

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.schemas import check_document

SECONDS = 90


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Standard output, which must be one JSON document, as its schema says, and nothing else."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        check_document(found)
        return found

    @property
    def runs(self) -> dict[str, dict[str, Any]]:
        return {run["run_id"]: run for run in self.document["runs"]}


@dataclass
class Running:
    """A command that has not ended yet, in a process group of its own, as a shell starts it."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def says(self, text: str) -> bool:
        return text in self.err.read_text()

    def ctrl_c(self) -> None:
        """Do what a terminal does: every process of the foreground group gets the signal."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self, seconds: float = SECONDS) -> Done:
        code = self.process.wait(seconds)
        return Done(code, self.out.read_text(), self.err.read_text())
