"""Watching the disks that runs need: too little room stops the work in order, before anything else has to."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from supervisor.artifacts.layout import RunsDirectory
from supervisor.clock import Clock
from supervisor.errors import NoRoomError
from supervisor.git.repository import Repository
from supervisor.room import room_at

LOOK_SECONDS = 2.0
# A run makes a few dozen, and two for each document.
MIN_FREE_FILES = 1000
_MB = 10**6


@dataclass(frozen=True)
class Needed:
    """A place that has to have room.

    Attributes:
        what: What it is to a user.
        path: A directory; need not exist.
    """

    what: str
    path: Path


def needed_for_runs(repository: Repository, directory: RunsDirectory) -> list[Needed]:
    """Return the places without whose room no run can go on; those on one disk are one.

    Memory-backed storage is not among them: pages that it has no room for go to the runs directory.
    """
    wanted = [Needed("the runs directory", directory.root), Needed("the git directory", repository.common_dir)]
    return list({room_at(one.path).device: one for one in reversed(wanted)}.values())[::-1]


def shortage(place: Needed, min_free_bytes: int) -> str | None:
    """Return what a place has too little of, for people; None if it has enough."""
    room = room_at(place.path)
    if room.free_bytes < min_free_bytes:
        free, asked = room.free_bytes // _MB, -(-min_free_bytes // _MB)
        return f"{place.what} {place.path} has {free:,} MB free, and {asked:,} MB are asked for"
    if room.free_files is not None and room.free_files < MIN_FREE_FILES:
        left = f"{place.what} {place.path} has {room.free_files:,} free inodes"
        return f"{left}, and {MIN_FREE_FILES:,} are asked for"
    return None


def check_room(places: Sequence[Needed], min_free_bytes: int) -> None:
    """Refuse to go on where there is too little room.

    Args:
        places: Where to look.
        min_free_bytes: What each of them has to have; 0 for no look at all.

    Raises:
        NoRoomError: One of them has less.
    """
    short = [found for place in places if min_free_bytes and (found := shortage(place, min_free_bytes))]
    if short:
        raise NoRoomError(short[0], hint="make room, or ask for less with --min-free; then type the same command again")


class RoomWatch:
    """Knows whether, and why, the work has to stop for lack of room.

    Attributes:
        lack: The first thing that has happened; None as long as there is room.
    """

    def __init__(self, places: Sequence[Needed], min_free_bytes: int, clock: Clock) -> None:
        self._places = places
        self._min_free_bytes = min_free_bytes
        self._clock = clock
        self._next_look = 0.0
        self.lack: NoRoomError | None = None

    def look(self, *, at_once: bool = False) -> None:
        """Measure, if the last time is some seconds ago.

        Args:
            at_once: Whatever the time: something has failed, and this may be why.
        """
        now = self._clock.monotonic()
        if self.lack is None and (at_once or now >= self._next_look):
            self._next_look = now + LOOK_SECONDS
            with self.heeding():
                check_room(self._places, self._min_free_bytes)

    @contextmanager
    def heeding(self) -> Iterator[None]:
        """Note a lack of room that ends the block, and go on behind it."""
        try:
            yield
        except NoRoomError as error:
            self.heed(error)

    def heed(self, error: NoRoomError) -> None:
        """Note that something had no room."""
        self.lack = self.lack or error
