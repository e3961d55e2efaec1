"""A disk of a few megabytes, which a test fills and clears."""

import subprocess
from pathlib import Path

import pytest


class SmallDisk:
    """A file system in memory, mounted on a directory.

    Args:
        folder: Made if it is missing.
        size_bytes: Of all there is on it.
        inodes: For so many files and directories, itself included; 0 for as many as there is memory for.
    """

    def __init__(self, folder: Path, size_bytes: int, *, inodes: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes},nr_inodes={inodes}", "small-disk", str(folder)]
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"

    def fill(self, *, leaving_bytes: int = 0) -> None:
        """Take what is free, as another program would."""
        with self._filler.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                file.truncate(max(0, file.tell() - leaving_bytes))

    def make_room(self) -> None:
        """Remove what `fill` has made."""
        self._filler.unlink(missing_ok=True)

    def unmount(self) -> None:
        """Take it away, whoever still uses it."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)
