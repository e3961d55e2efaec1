"""Files of one page under way: its picture for the recogniser, in memory if there is room."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from supervisor.errors import NoRoomError
from supervisor.room import lack_of_room

# Left free beside the page for tesseract's output and for what other pages write at the same moment.
_ROOM_TO_LEAVE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class PageFolders:
    """Where one page may put its files; both are this page's own and need not exist yet.

    Attributes:
        scratch: In memory-backed storage.
        spill: On disk, for pages that memory has no room for.
    """

    scratch: Path
    spill: Path

    def remove(self) -> None:
        """Remove what the page left."""
        for folder in (self.scratch, self.spill):
            shutil.rmtree(folder, ignore_errors=True)

    def write(self, name: str, size_bytes: int, write: Callable[[BinaryIO], object]) -> Path:
        """Write a file where there is room, in memory if possible, in place of an earlier one of that name.

        Raises:
            NoRoomError: Neither folder has room.
        """
        for folder in (self.scratch, self.spill):
            file = folder / name
            try:
                folder.mkdir(exist_ok=True)
                space = os.statvfs(folder)
                if space.f_bavail * space.f_frsize < size_bytes + _ROOM_TO_LEAVE_BYTES:
                    continue
                with file.open("wb") as stream:
                    write(stream)
            except FileNotFoundError:
                # What is in memory goes when its user logs out: logind.conf(5), RemoveIPC.
                if folder == self.spill:
                    raise
            except OSError as error:
                # Somebody else was faster than the look at the free space.
                if lack_of_room(error) is None:
                    raise
                file.unlink(missing_ok=True)
            else:
                return file
        raise NoRoomError(
            f"a prepared page needs {(size_bytes + _ROOM_TO_LEAVE_BYTES) / 1e6:,.0f} MB, "
            f"and neither {self.scratch.parent} nor {self.spill.parent} has that much room"
        )
