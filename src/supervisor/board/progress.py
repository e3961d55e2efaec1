"""What is known of a run while it goes on, for those who watch."""

from dataclasses import dataclass

from supervisor.model.states import RunStatus


@dataclass(frozen=True)
class RunProgress:
    """One run at one moment.

    Attributes:
        stage: What it is busy with, in a word or two for people.
        documents: How many it has.
        documents_opened: How many of them have told their pages; `pages` grows until this reaches `documents`.
        seconds: Since its first claim by this supervisor; None before.
    """

    run_id: str
    status: RunStatus
    stage: str
    documents: int
    documents_opened: int = 0
    documents_done: int = 0
    documents_failed: int = 0
    pages: int = 0
    pages_done: int = 0
    pages_failed: int = 0
    seconds: float | None = None
    error: str | None = None

    def anew(self) -> "RunProgress":
        """Return it as it stands when an executor begins: that tells of every page, also of those that are stored."""
        return RunProgress(self.run_id, self.status, self.stage, self.documents, seconds=self.seconds)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 page`, `3 pages`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
