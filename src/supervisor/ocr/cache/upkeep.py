"""Keeping the cache directory bounded, and telling what is in it.

Nobody is locked out meanwhile. An entry that is removed while it is read is read to its end; one that is used again
after it was counted as old is lost, which costs one recognition.
"""

import contextlib
import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from supervisor.ocr.cache.files import ENTRIES, HISTORIES, is_ours, opened_folder, sweep_new

_BLOCK_BYTES = 4096
# A prune that leaves no room would be due again at once.
_KEPT_SHARE = 0.9
# Keys are hashes, so every folder is as good a sample as another: these give the size to about a tenth.
_SAMPLED_SHARDS = 16
_SHARDS = 256
# One run's history is a few megabytes: runs that nobody has executed for so long will not ask why.
_HISTORY_DAYS = 180


Turn = tuple[bool, int]


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file in the cache directory.

    Attributes:
        folder: The folders it is in.
        size_bytes: What it takes of the disk.
        used_at: In seconds since the epoch, to the hour.
    """

    folder: tuple[str, ...]
    name: str
    size_bytes: int
    used_at: float

    @property
    def kind(self) -> str:
        """What it is: document, lookup, page, history."""
        return "history" if self.folder == (HISTORIES,) else self.name.partition("-")[0]

    @property
    def turn(self) -> Turn:
        """When it is to be removed: entries before histories, and of these the one unused for the most hours."""
        return self.kind == "history", int(self.used_at // 3600)


@dataclass(frozen=True)
class Survey:
    """What is in a cache directory.

    Attributes:
        pages: Distinct pictures that were recognised.
        entries: These, and what leads to them from documents.
        histories: Runs of which it is known what they looked at.
        oldest_use: In seconds since the epoch; None without entries.
    """

    pages: int
    entries: int
    histories: int
    size_bytes: int
    oldest_use: float | None


@dataclass(frozen=True)
class Pruned:
    """What was removed, and what is left."""

    removed: int
    removed_bytes: int
    kept: int
    kept_bytes: int


def survey(directory: Path) -> Survey:
    """Count what is in a cache directory; of one that is not there, nothing.

    Raises:
        OSError: It cannot be read.
    """
    kinds: Counter[str] = Counter()
    size_bytes, oldest_use = 0, None
    for file in _files(directory):
        kinds[file.kind] += 1
        size_bytes += file.size_bytes
        if file.kind != "history":
            oldest_use = file.used_at if oldest_use is None else min(oldest_use, file.used_at)
    entries = kinds.total() - kinds["history"]
    return Survey(kinds["page"], entries, kinds["history"], size_bytes, oldest_use)


def keep_bounded(directory: Path, limit_bytes: int) -> Pruned | None:
    """Prune a cache directory if a sample says that it has outgrown its limit; None if not.

    What killed writers have left is removed in any case. Cheap enough for the end of every attempt: a sixteenth of the
    entries is looked at.

    Raises:
        OSError: It cannot be read.
    """
    sweep_new(directory)
    shards = random.sample(range(_SHARDS), _SAMPLED_SHARDS)
    sampled = sum(file.size_bytes for shard in shards for file in _files_in(directory, (ENTRIES, f"{shard:02x}")))
    if sampled * _SHARDS / _SAMPLED_SHARDS <= limit_bytes:
        return None
    return prune(directory, limit_bytes)


def prune(directory: Path, limit_bytes: int, *, leave_bytes: int | None = None) -> Pruned:
    """Remove what was used longest ago, if there is more than the limit; histories only after all entries.

    What killed writers have left, and histories of runs long gone, are removed in any case. A million
    entries are no list: they are gone through twice, by the hour of their last use.

    Args:
        directory: Of the cache.
        limit_bytes: How much may be there.
        leave_bytes: How much may be left if there is more; nine tenths of the limit if not given.

    Raises:
        OSError: It cannot be read.
    """
    sweep_new(directory)
    now = time.time()
    sizes: Counter[Turn] = Counter()
    for file in _files(directory):
        if not _is_dead(file, now):
            sizes[file.turn] += file.size_bytes
    target = limit_bytes * _KEPT_SHARE if leave_bytes is None else leave_bytes
    quotas = _quotas(sizes, sizes.total() - target) if sizes.total() > limit_bytes else {}
    removed = removed_bytes = kept = kept_bytes = 0
    for file in _files(directory):
        is_next = quotas.get(file.turn, 0) > 0
        if is_next:
            quotas[file.turn] -= file.size_bytes
        if is_next or _is_dead(file, now):
            _remove(directory, file)
            removed, removed_bytes = removed + 1, removed_bytes + file.size_bytes
        else:
            kept, kept_bytes = kept + 1, kept_bytes + file.size_bytes
    return Pruned(removed, removed_bytes, kept, kept_bytes)


def _quotas(sizes: Mapping[Turn, int], excess_bytes: float) -> dict[Turn, float]:
    """Return how much is to be removed of the files of each turn: all of the first ones, a part of the last."""
    quotas = {}
    for turn in sorted(sizes):
        quotas[turn] = min(sizes[turn], excess_bytes)
        excess_bytes -= quotas[turn]
    return quotas


def _is_dead(file: FoundFile, now: float) -> bool:
    return file.kind == "history" and now - file.used_at > _HISTORY_DAYS * 86_400


def _files(directory: Path) -> Iterator[FoundFile]:
    for shard in range(_SHARDS):
        yield from _files_in(directory, (ENTRIES, f"{shard:02x}"))
    yield from _files_in(directory, (HISTORIES,))


def _files_in(directory: Path, folder: tuple[str, ...]) -> Iterator[FoundFile]:
    with (
        contextlib.suppress(FileNotFoundError),
        opened_folder(directory, *folder) as opened,
        os.scandir(opened) as found,
    ):
        for one in found:
            with contextlib.suppress(FileNotFoundError):
                status = one.stat(follow_symlinks=False)
                if is_ours(status):
                    size_bytes = -(-status.st_size // _BLOCK_BYTES) * _BLOCK_BYTES
                    yield FoundFile(folder, one.name, size_bytes, status.st_mtime)


def _remove(directory: Path, file: FoundFile) -> None:
    with contextlib.suppress(FileNotFoundError), opened_folder(directory, *file.folder) as folder:
        os.unlink(file.name, dir_fd=folder)
