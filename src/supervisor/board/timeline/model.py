"""What happened in a session, as a picture needs it: who executed what, from when to when, and where the time went."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal

from supervisor.model.resources import Resources, together
from supervisor.store.sessions import SessionRow

Source = Literal["ocr", "text_layer", "cache", "blank", "failed"]
SOURCES: dict[Source, str] = {
    "ocr": "recognised",
    "cache": "reused",
    "text_layer": "from their text layer",
    "blank": "blank",
    "failed": "failed",
}
"""Where pages come from, and what people call it."""


@dataclass(frozen=True)
class PageSpan:
    """A page, and the time that it took.

    Attributes:
        began_at: When a page process took it; when it was known, for a page that was known already.
        ended_at: When its result was there.
        waiting_seconds: How long after `began_at` it got its OCR slot.
        preparing_seconds: How long it then took until there was a picture; None where nobody told.
        recognising_seconds: How long tesseract worked on it; None where nobody told.
        page_process: A pid; None for a page that was known already.
        slot: Its OCR slot; None if it needed none.
    """

    document: str
    page_number: int
    source: Source
    began_at: datetime
    ended_at: datetime
    waiting_seconds: float = 0.0
    preparing_seconds: float | None = None
    recognising_seconds: float | None = None
    words: int = 0
    error: str | None = None
    page_process: int | None = None
    slot: int | None = None

    @property
    def works_from(self) -> datetime:
        """When it had its slot."""
        return self.began_at + timedelta(seconds=self.waiting_seconds)


@dataclass(frozen=True)
class TermSpan:
    """A lease term of a run: the time from a claim until the worker had it no more.

    Attributes:
        ended_at: None while it goes on.
        outcome: The event that ended it; None while it goes on.
        status: The run's state afterwards; None while it goes on.
        resources: What it has cost; None where nobody told.
        pages: In the order in which they were finished; none where the trace is gone.
    """

    run_id: str
    attempt: int
    lease_term: int
    worker: str
    claimed_at: datetime
    ended_at: datetime | None
    outcome: str | None
    status: str | None
    reason: str | None
    resources: Resources | None
    pages: Sequence[PageSpan]


@dataclass(frozen=True)
class WaitSpan:
    """The time in which a run stood in the queue; `until` is None while it does."""

    run_id: str
    queued_at: datetime
    until: datetime | None


@dataclass(frozen=True)
class Mark:
    """Something that happened to a run at one moment, beside claims and ordinary ends.

    Attributes:
        worker: Who had the run; None if nobody did.
    """

    run_id: str
    at: datetime
    event: str
    actor: str
    reason: str
    worker: str | None


@dataclass(frozen=True)
class Timeline:
    """A session from its first moment to its last.

    Attributes:
        read_at: The end, as long as something goes on.
        terms: By their claims.
        waits: By their beginnings.
        marks: Oldest first.
    """

    session: SessionRow
    read_at: datetime
    terms: Sequence[TermSpan]
    waits: Sequence[WaitSpan]
    marks: Sequence[Mark]

    @cached_property
    def begins_at(self) -> datetime:
        """The first moment: of the session, or of a run that came into it later."""
        return min([self.session.created_at, *(wait.queued_at for wait in self.waits)])

    @cached_property
    def ends_at(self) -> datetime:
        """The last moment; now, while something goes on."""
        if any(term.ended_at is None for term in self.terms) or any(wait.until is None for wait in self.waits):
            return self.read_at
        ends = [term.ended_at for term in self.terms if term.ended_at is not None]
        return max([self.begins_at, *ends, *(wait.until for wait in self.waits if wait.until is not None)])

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.ends_at - self.begins_at).total_seconds()

    @cached_property
    def workers(self) -> list[str]:
        """Those who executed something, by supervisor: who began first comes first, and its second before its tenth."""
        begun: dict[str, datetime] = {}
        for term in self.terms:
            supervisor = term.worker.rpartition("-")[0]
            begun[supervisor] = min(term.claimed_at, begun.get(supervisor, term.claimed_at))

        def place(worker: str) -> tuple[datetime, str, int, str]:
            supervisor, _, number = worker.rpartition("-")
            return begun[supervisor], supervisor, len(number), number

        return sorted({term.worker for term in self.terms}, key=place)

    @cached_property
    def pages(self) -> list[PageSpan]:
        """All pages of all terms."""
        return [page for term in self.terms for page in term.pages]

    @cached_property
    def sources(self) -> Counter[str]:
        """How many pages come from where."""
        return Counter(page.source for page in self.pages)

    @property
    def cache_share(self) -> float | None:
        """The share of pages that were reused; None without any page."""
        return self.sources["cache"] / len(self.pages) if self.pages else None

    @property
    def waiting_seconds(self) -> float:
        """How long pages waited for OCR slots, all of them together."""
        return sum(page.waiting_seconds for page in self.pages)

    @cached_property
    def resources(self) -> Resources | None:
        """What all ended terms have cost together; the memory is that of the one that had most."""
        return together(term.resources for term in self.terms if term.resources is not None)
