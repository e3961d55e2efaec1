"""The files of multiprocessing: the sockets of fork servers, and the semaphores of page pools.

Left to itself, multiprocessing gives every process that needs them a folder in TMPDIR, and semaphores names that tell
nobody whose they are; what was killed leaves both for ever. Here both bear the name of a folder of ours, locked for as
long as its owner lives. Child processes inherit the setting, which is private, but made for this: see the comment on
`semprefix` in `multiprocessing/process.py`, the same from Python 3.11 to 3.13.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import process
from pathlib import Path

from supervisor.artifacts.layout import MEMORY_BACKED, machine_state
from supervisor.locks.own_folder import OwnFolder, sweep

_PREFIX = "supervisor-processes-"
# What is left of the 107 bytes that unix(7) allows, when ours and that of multiprocessing is added.
_LONGEST_PLACE = 107 - len(f"/{_PREFIX}12345678/listener-12345678")
_FOLDER_KEY, _SEMAPHORES_KEY = "tempdir", "semprefix"


@contextmanager
def process_files() -> Iterator[None]:
    """Keep the files of multiprocessing together while the block runs, and remove what killed processes have left.

    Does nothing in a program that uses multiprocessing already.
    """
    settings = process.current_process()._config  # type: ignore[attr-defined]  # noqa: SLF001 (see the module)
    if _FOLDER_KEY in settings:
        yield
        return
    places = _places()
    for place in places:
        # First these: without the folder nobody would know whose they were.
        sweep(place, _PREFIX, first=_remove_semaphores)
    with OwnFolder.make(places[0], _PREFIX) as own:
        usual = settings[_SEMAPHORES_KEY]
        settings |= {_FOLDER_KEY: str(own.path), _SEMAPHORES_KEY: f"/{_semaphores_of(own.path)}"}
        try:
            yield
        finally:
            del settings[_FOLDER_KEY]
            settings[_SEMAPHORES_KEY] = usual
            _remove_semaphores(own.path)


def _places() -> list[Path]:
    """Return where there may be such folders; new ones are made in the first place.

    That is memory only where TMPDIR has too long a name: logging out empties it of a user's files (logind.conf(5),
    RemoveIPC), and whoever goes on working could fork nobody any more.
    """
    temporary, memory = Path(tempfile.gettempdir()), machine_state()
    if memory is None:
        return [temporary]
    return [temporary, memory] if len(os.fsencode(temporary)) <= _LONGEST_PLACE else [memory, temporary]


def _semaphores_of(folder: Path) -> str:
    return f"supervisor-{os.getuid()}-{folder.name.removeprefix(_PREFIX)}"


def _remove_semaphores(folder: Path) -> None:
    # Where glibc and musl keep named semaphores: sem_overview(7).
    for semaphore in MEMORY_BACKED.glob(f"sem.{_semaphores_of(folder)}-*"):
        semaphore.unlink(missing_ok=True)
