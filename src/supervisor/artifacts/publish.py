"""Making the results of an attempt the results of its run."""

import shutil

from supervisor.artifacts.layout import RunDirectory
from supervisor.room import needing_room


def publish_output(run: RunDirectory, lease_term: int) -> None:
    """Replace `output/` as a whole by what the holder of a term staged; `drop_staged` removes what is left of it.

    Done under the run lock. Doing it again, also after a crash in the middle, gives the same: the staged directory
    moves in once the old one has moved away; where it cannot, the old one moves back.

    Raises:
        NoRoomError: There is no room for a name; nothing has changed.
    """
    with needing_room(run.output):
        _publish(run, lease_term)


def _publish(run: RunDirectory, lease_term: int) -> None:
    staged = run.staging(lease_term) / "output"
    retired = run.root / ".staging" / "retired"
    if staged.is_dir():
        shutil.rmtree(retired, ignore_errors=True)
        if run.output.exists():
            run.output.rename(retired)
        try:
            staged.rename(run.output)
        except OSError:
            if retired.is_dir():
                retired.rename(run.output)
            raise
    run.output.mkdir(exist_ok=True)


def drop_staged(run: RunDirectory) -> None:
    """Drop what an earlier term staged; an output that had moved away for it, but was not replaced, moves back."""
    retired = run.root / ".staging" / "retired"
    if retired.is_dir() and not run.output.exists():
        retired.rename(run.output)
    shutil.rmtree(run.root / ".staging", ignore_errors=True)


def drop_term(run: RunDirectory, lease_term: int) -> None:
    """Drop what one term staged, and nothing else: the run may be another machine's by now, in the same directory."""
    shutil.rmtree(run.staging(lease_term), ignore_errors=True)
