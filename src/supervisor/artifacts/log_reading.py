"""Reading a rotated log from its oldest line on, and on while it is written to."""

import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

_CHUNK_BYTES = 256 * 1024


def log_files(path: Path) -> list[Path]:
    """Return the files of a rotated log, the oldest first; none if there is none."""
    rotated = [
        (int(suffix), file) for file in path.parent.glob(f"{path.name}.*") if (suffix := file.suffix[1:]).isdecimal()
    ]
    files = [file for _, file in sorted(rotated, reverse=True)]
    return [*files, path] if path.exists() else files


class LogReader:
    """Reads the lines of a log, each once, whatever its files are called meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None
        self._line_at = 0
        self._partial = bytearray()

    def close(self) -> None:
        """Close the file that is being read."""
        if self._file is not None:
            self._file.close()

    def lines(self) -> Iterator[bytes]:
        """Yield the lines that are complete and were not yielded before."""
        while self._file is not None or self._go_on_in(None):
            yield from self._complete_lines()
            if not self._is_rotated():
                return
            # Its last lines may have come just before it was renamed; nobody ends the very last one any more.
            yield from self._complete_lines()
            yield from self.torn_line()
            self._go_on_in(self._file)

    def torn_line(self) -> Iterator[bytes]:
        """Yield what stands at the end without being a whole line."""
        if self._partial:
            yield bytes(self._partial)
            self._partial.clear()

    def _complete_lines(self) -> Iterator[bytes]:
        if self._file is None:
            return
        if os.fstat(self._file.fileno()).st_size < self._line_at:
            # Somebody has emptied the file.
            self._line_at = 0
        # Half a line is read anew: if it found no room as a whole, it was taken back.
        self._partial.clear()
        read_to = self._line_at
        while content := os.pread(self._file.fileno(), _CHUNK_BYTES, read_to):
            read_to += len(content)
            *complete, rest = (self._partial + content).split(b"\n")
            self._partial = bytearray(rest)
            for line in complete:
                self._line_at += len(line) + 1
                yield bytes(line)

    def _is_rotated(self) -> bool:
        """Tell whether the log goes on in another file by now."""
        try:
            current = self._path.stat(follow_symlinks=False)
        except FileNotFoundError:
            # It is being renamed, or was removed: there is a new one, or nothing to go on in.
            return False
        return self._file is not None and not os.path.samestat(os.fstat(self._file.fileno()), current)

    def _go_on_in(self, before: FileIO | None) -> bool:
        """Open the file that follows one, or the oldest if that is gone; return whether there is one."""
        opened: list[FileIO] = []
        for path in log_files(self._path):
            try:
                opened.append(FileIO(os.open(path, os.O_RDONLY | os.O_CLOEXEC)))
            except FileNotFoundError:
                # Renamed since it was listed.
                continue
        # By what they are, not by their names, which change from one moment to the next.
        files = {_identity(file): file for file in opened}
        order = list(files)
        at = order.index(_identity(before)) + 1 if before is not None and _identity(before) in files else 0
        chosen = files[order[at]] if at < len(order) else None
        for file in opened:
            if file is not chosen:
                file.close()
        if chosen is None:
            return False
        if self._file is not None:
            self._file.close()
        self._file, self._line_at = chosen, 0
        self._partial.clear()
        return True


def _identity(file: FileIO) -> tuple[int, int]:
    found = os.fstat(file.fileno())
    return found.st_dev, found.st_ino
