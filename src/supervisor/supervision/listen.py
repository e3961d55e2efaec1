"""Taking in what an executor says."""

from typing import assert_never

from supervisor.executor.messages import Advanced, Finished, Message, Ready, Start, Stop, Stopped, Used
from supervisor.supervision.assignment import Assignment


def take_in(assignment: Assignment, message: Message) -> None:
    """Let a message change what is known of the assignment."""
    progress = assignment.progress
    match message:
        case Ready():
            if assignment.executor is not None:
                assignment.lock.note_process_group(assignment.executor.pid)
                assignment.lease.note_process_group(assignment.executor.pid)
        case Advanced():
            assignment.progress = progress.advanced(
                documents_opened=message.documents_opened,
                pages_found=message.pages_found,
                pages=message.pages,
                because=message.because,
                ended=message.ended,
            )
        case Used():
            assignment.used = message
        case Finished() | Stopped():
            assignment.outcome = message
        case Start() | Stop():
            raise TypeError(f"executors do not send {type(message).__name__}")
        case _:
            assert_never(message)
