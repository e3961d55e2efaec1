"""What the end of a task means for its run, as its worker puts it."""

from collections.abc import Sequence
from dataclasses import replace

from supervisor.errors import UsageError
from supervisor.executor.rows import failure
from supervisor.model.intents import Intent
from supervisor.model.states import ResultStatus, RunStatus
from supervisor.store import intents
from supervisor.store.engine import transaction
from supervisor.store.results import StoredDocument
from supervisor.store.runs import RunRow
from supervisor.supervision.assignment import Ending
from supervisor.supervision.reap import CANCELLED, INTERRUPTED, PAUSED
from supervisor.supervision.workshop import Workshop


def status_of(status: RunStatus | str, error: str | None) -> RunStatus:
    """Return the state that a worker ends its task in.

    Raises:
        UsageError: A worker cannot do that, or does not say why it has failed.
    """
    if status not in {RunStatus.SUCCEEDED, RunStatus.FAILED}:
        raise UsageError(
            f"a task cannot be completed as {str(status)!r}", hint="succeeded or failed; release_task puts it down"
        )
    if status == RunStatus.SUCCEEDED and error is not None:
        raise UsageError("what succeeded has no error", hint="complete it as failed, or leave the error out")
    if status == RunStatus.FAILED and not error:
        raise UsageError("what failed needs an error", hint="say why it failed")
    return RunStatus(status)


def of_documents(documents: Sequence[StoredDocument]) -> Ending:
    """Return how a run has ended that went well as a whole: it has failed if one of its documents has."""
    failed = [document.path for document in documents if document.status == ResultStatus.FAILED]
    if not failed:
        return Ending(RunStatus.SUCCEEDED, "succeeded")
    return Ending(RunStatus.FAILED, "failed", failure(failed, len(documents)))


def failed(shop: Workshop, row: RunRow, error: str | None, *, transient: bool) -> Ending:
    """Return how a run has ended that has failed; what was to be cancelled is."""
    if _wanted(shop, row) is Intent.CANCEL:
        return CANCELLED
    return Ending(RunStatus.FAILED, "failed", error, transient=transient)


def released(shop: Workshop, row: RunRow, reason: str) -> Ending:
    """Return what becomes of a run that its worker puts down; what was to be cancelled is, when that is written."""
    return PAUSED if _wanted(shop, row) is Intent.PAUSE else replace(INTERRUPTED, reason=reason)


def _wanted(shop: Workshop, row: RunRow) -> Intent | None:
    with transaction(shop.engine) as connection:
        return intents.wanted(connection, [row.id]).get(row.id)
