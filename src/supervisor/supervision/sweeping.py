"""Removing what killed processes have left outside of any run: whoever comes next does it.

What belongs to a run is removed when that is executed again or settled. Here it is the rest: what nobody would come for
any more, as its run, or its runs directory, is gone. Kernel locks tell what is dead, never its age.
"""

from supervisor.artifacts.layout import RunsDirectory, scratch_folders
from supervisor.locks.leftovers import sweep_records
from supervisor.locks.own_folder import sweep_temporary_folders
from supervisor.ocr.pages.scratch import sweep_scratch


def sweep(directory: RunsDirectory) -> None:
    """Remove temporary folders and prepared pages on this machine, and records of locks in a runs directory.

    Raises:
        SurroundingsError: A lock file cannot be used.
        OSError: A folder cannot be read.
    """
    sweep_temporary_folders()
    for folder in scratch_folders():
        sweep_scratch(folder)
    sweep_records(directory.root)
