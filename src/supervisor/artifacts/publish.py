"""Making the results of an attempt the results of its run."""

import shutil

from supervisor.artifacts.layout import RunDirectory


def publish_output(run: RunDirectory, lease_term: int) -> None:
    """Replace `output/` as a whole by what the holder of a term staged; `drop_staged` removes what is left of it.

    Done under the run lock. Doing it again, also after a crash in the middle, gives the same: the staged directory
    moves in once the old one has moved away.
    """
    staged = run.staging(lease_term) / "output"
    retired = run.root / ".staging" / "retired"
    if staged.is_dir():
        shutil.rmtree(retired, ignore_errors=True)
        if run.output.exists():
            run.output.rename(retired)
        staged.rename(run.output)
    run.output.mkdir(exist_ok=True)


def drop_staged(run: RunDirectory) -> None:
    """Drop what an earlier term staged; an output that had moved away for it, but was not replaced, moves back."""
    retired = run.root / ".staging" / "retired"
    if retired.is_dir() and not run.output.exists():
        retired.rename(run.output)
    shutil.rmtree(run.root / ".staging", ignore_errors=True)
