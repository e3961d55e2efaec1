"""How far something is, as a part of a whole that may still be unknown."""

from dataclasses import dataclass

from rich.text import Text

from supervisor.board.counts import DocumentCounts, PageCounts
from supervisor.board.views import SessionView
from supervisor.dashboard.drawing import bar
from supervisor.model.states import SessionStatus


@dataclass(frozen=True)
class Measure:
    """So much is done of a whole.

    Attributes:
        total: 0 if there is nothing to do, or it is not known.
    """

    done: float
    total: float

    @property
    def percent(self) -> str:
        """The part that is done, rounded down: 100 % means all of it; empty if it cannot be told."""
        return f"{int(min(100, 100 * self.done / self.total))}%" if self.total > 0 else ""

    def bar(self, cells: int, style: str) -> Text:
        """Return it as a bar of so many cells."""
        return bar(self.done, self.total, cells, style)


def session_measure(session: SessionView) -> Measure:
    """Return how far a session is: until it is completed, what is told of it, else its runs."""
    if session.status is SessionStatus.COMPLETED:
        return Measure(1, 1)
    if session.progress is not None and session.progress.total is not None:
        return Measure(session.progress.done, session.progress.total)
    return pages_measure(session.pages, session.documents)


def pages_measure(pages: PageCounts, documents: DocumentCounts) -> Measure:
    """Return how many pages are done, of as many as there will be if documents not opened yet are like the others."""
    if documents.done >= documents.total or not documents.opened or not pages.found:
        return Measure(documents.done, documents.total)
    return Measure(pages.done, pages.found * max(1.0, documents.total / documents.opened))


def shown_pages(pages: PageCounts, documents: DocumentCounts, *, may_grow: bool) -> str:
    """Return how many pages are done of those that are known: `12/40+`, if documents not opened yet will bring more."""
    if not pages.found:
        return ""
    more = "+" if may_grow and documents.opened < documents.total else ""
    return f"{pages.done:,}/{pages.found:,}{more}"
