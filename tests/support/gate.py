"""Holding up pages on their way into tesseract."""

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Gate:
    """A `tesseract` before the real one on PATH: every page waits in it until it is let through.

    With slots of its own, so that what waits here keeps nothing else from being recognised.
    """

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir()
        (self.folder / "slots").mkdir()
        script, real = self.folder / "tesseract", shutil.which("tesseract")
        script.write_text(
            f"""#!/bin/sh
pass() {{
  touch {self.folder}/arrived-$$-$1
  until [ -e {self.folder}/open ]; do
    for ticket in {self.folder}/ticket-*; do rm "$ticket" 2>/dev/null && return; done
    sleep 0.02
  done
}}
case "$1" in
  --*) exec {real} "$@";;
  # One page after the other, told by name.
  -) number=0
     while read -r page; do number=$((number + 1)); pass $number; echo "$page"; done | {real} "$@";;
  *) pass 1; exec {real} "$@";;
esac
"""
        )
        script.chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "SUPERVISOR_SLOTS_DIR": str(self.folder / "slots"),
            "SUPERVISOR_OCR_SLOTS": "16",
        }

    def let_through(self, pages: int) -> None:
        for number in range(pages):
            (self.folder / f"ticket-{time.monotonic_ns()}-{number}").touch()

    def open(self) -> None:
        (self.folder / "open").touch()

    def arrived(self) -> int:
        """How many pages have come to the gate so far."""
        return len(list(self.folder.glob("arrived-*")))
