"""What is known of a run while it goes on, for those who watch."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from supervisor.executor.messages import EndedDocument
from supervisor.model.states import RunStatus


@dataclass(frozen=True)
class RunProgress:
    """One run at one moment.

    Attributes:
        stage: What it is busy with, in a word or two for people.
        documents: How many it has.
        documents_opened: How many of them have told their pages, or cannot; `pages` grows until that is `documents`.
        pages_done: How many are finished, by source, else by status.
        because: How many had to be recognised, by the reason.
        ended: The documents that were finished since the last look.
        resume: If it is paused, what to name to `supervisor resume`: the run, or its session.
    """

    run_id: str
    status: RunStatus
    stage: str
    documents: int
    documents_opened: int = 0
    documents_done: int = 0
    documents_failed: int = 0
    pages: int = 0
    pages_done: Mapping[str, int] = field(default_factory=dict)
    because: Mapping[str, int] = field(default_factory=dict)
    ended: Sequence[EndedDocument] = ()
    error: str | None = None
    resume: str | None = None

    @property
    def pages_finished(self) -> int:
        """How many pages are finished, whatever came of them."""
        return sum(self.pages_done.values())

    def advanced(
        self,
        *,
        documents_opened: int,
        pages_found: int,
        pages: Mapping[str, int],
        because: Mapping[str, int],
        ended: Sequence[EndedDocument],
    ) -> "RunProgress":
        """Return it as it stands after some more was done; see `executor.messages.Advanced`."""
        return replace(
            self,
            documents_opened=self.documents_opened + documents_opened + sum(not document.pages for document in ended),
            pages=self.pages + pages_found,
            pages_done=Counter(self.pages_done) + Counter(pages),
            because=Counter(self.because) + Counter(because),
            documents_done=self.documents_done + len(ended),
            documents_failed=self.documents_failed + sum(document.error is not None for document in ended),
            ended=[*self.ended, *ended],
        )

    def looked_at(self) -> "RunProgress":
        """Return it as it stands when somebody has looked: what is told once is not told again."""
        return replace(self, ended=()) if self.ended else self

    def anew(self) -> "RunProgress":
        """Return it as it stands when an executor begins: that tells of every page, also of those that are stored."""
        return RunProgress(self.run_id, self.status, self.stage, self.documents)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 page`, `3,000 pages`."""
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def shown_pages(total: int, pages: Mapping[str, int], because: Mapping[str, int]) -> str:
    """Return how many pages there are, and where from: `42 pages: 1 recognised (1 changed), 41 reused`."""
    if not total:
        return "0 pages"
    why = shown_reasons(pages, because)
    told = f" ({why})" if why else ""
    parts = [f"{pages['ocr']:,} recognised{told}"] if pages.get("ocr") else []
    names = {"cache": "reused", "text_layer": "from their text layer", "blank": "blank", "skipped": "skipped"}
    parts += [f"{pages[source]:,} {words}" for source, words in names.items() if pages.get(source)]
    parts += [f"{pages['failed']:,} failed"] if pages.get("failed") else []
    return f"{total:,} {'page' if total == 1 else 'pages'}: {', '.join(parts)}"


def shown_reasons(pages: Mapping[str, int], because: Mapping[str, int]) -> str:
    """Return why pages had to be recognised: `3 new, 1 changed`; nothing on the first night, when nobody asks."""
    if not pages.get("cache") and not because.keys() - {"new"}:
        return ""
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(because.items(), key=lambda one: -one[1]))
