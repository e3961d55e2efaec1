"""Taking in what an executor says."""

from dataclasses import replace
from typing import assert_never

from supervisor.board.progress import RunProgress
from supervisor.executor.messages import (
    DocumentDone,
    DocumentOpened,
    Finished,
    Message,
    PageDone,
    Ready,
    Start,
    Stop,
    Stopped,
)
from supervisor.model.states import ResultStatus
from supervisor.supervision.assignment import Assignment


def take_in(assignment: Assignment, message: Message) -> None:
    """Let a message change what is known of the assignment."""
    progress = assignment.progress
    match message:
        case Ready():
            if assignment.executor is not None:
                assignment.lock.note_process_group(assignment.executor.pid)
                assignment.lease.note_process_group(assignment.executor.pid)
        case DocumentOpened(page_count=count):
            assignment.progress = replace(
                progress, documents_opened=progress.documents_opened + 1, pages=progress.pages + count
            )
        case PageDone(status=status):
            failed = progress.pages_failed + (status is ResultStatus.FAILED)
            assignment.progress = replace(progress, pages_done=progress.pages_done + 1, pages_failed=failed)
        case DocumentDone():
            assignment.progress = _document_done(progress, message)
        case Finished() | Stopped():
            assignment.outcome = message
        case Start() | Stop():
            raise TypeError(f"executors do not send {type(message).__name__}")
        case _:
            assert_never(message)


def _document_done(progress: RunProgress, message: DocumentDone) -> RunProgress:
    failed = message.status is ResultStatus.FAILED
    return replace(
        progress,
        documents_done=progress.documents_done + 1,
        documents_failed=progress.documents_failed + failed,
        error=f"{message.document}: {message.error}" if failed else progress.error,
    )
