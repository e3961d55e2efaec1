"""What runs, sessions and workers add up to."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class DocumentCounts:
    """Documents.

    Attributes:
        opened: How many of them have told their pages.
        done: Finished, failed ones included.
    """

    total: int = 0
    opened: int = 0
    done: int = 0
    failed: int = 0


@dataclass(frozen=True)
class PageCounts:
    """Pages, those that are finished by where their text comes from.

    Attributes:
        found: Of the documents that were opened so far.
        ocr: Recognised.
        text_layer: With a text of their own.
        cache: Known from before.
        blank: Nothing stands there.
        skipped: Left out on purpose.
        failed: Could not be read.
    """

    found: int = 0
    ocr: int = 0
    text_layer: int = 0
    cache: int = 0
    blank: int = 0
    skipped: int = 0
    failed: int = 0

    @property
    def done(self) -> int:
        """How many are finished, however."""
        return self.ocr + self.text_layer + self.cache + self.blank + self.skipped + self.failed

    @property
    def cache_share(self) -> float | None:
        """Which part of the pages that were read was known from before; None if none was read."""
        read = self.cache + self.ocr + self.text_layer + self.blank
        return self.cache / read if read else None


@dataclass(frozen=True)
class WorkerTotals:
    """Workers by state."""

    idle: int = 0
    busy: int = 0
    error: int = 0
    offline: int = 0

    @property
    def total(self) -> int:
        """How many there are."""
        return self.idle + self.busy + self.error + self.offline

    @property
    def utilisation(self) -> float | None:
        """Which part of those that are there is busy; None if none is there."""
        there = self.idle + self.busy + self.error
        return self.busy / there if there else None


@dataclass(frozen=True)
class SessionTotals:
    """Sessions; those count as active that have not ended."""

    active: int = 0
    total: int = 0


@dataclass(frozen=True)
class WorkTotals:
    """Documents, or pages.

    Attributes:
        done: Finished, failed ones included.
        queued: Of runs that have not ended: those that are not finished; of pages those that are known.
    """

    done: int = 0
    failed: int = 0
    queued: int = 0


@dataclass(frozen=True)
class Summary:
    """Everything of a repository in three lines."""

    workers: WorkerTotals = field(default_factory=WorkerTotals)
    sessions: SessionTotals = field(default_factory=SessionTotals)
    documents: WorkTotals = field(default_factory=WorkTotals)
    pages: WorkTotals = field(default_factory=WorkTotals)
