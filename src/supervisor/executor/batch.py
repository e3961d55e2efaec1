"""What an attempt has done since it last put something away: rows and a message, together."""

from collections import Counter
from collections.abc import Callable, Sequence

from supervisor.executor.messages import Advanced, EndedDocument, Message
from supervisor.model.states import ResultStatus
from supervisor.model.weakness import is_weak
from supervisor.ocr.results import PageResult
from supervisor.store.results import AttemptKey, ResultStore, StoredDocument, StoredPage

# One transaction, which waits for the disk once, and whose rows all fit into memory.
_MOST_ROWS = 5000
_MOST_CHARACTERS = 16_000_000
# A message that the pipe takes as a whole: the supervisor never waits for the rest of one from who was stopped in it.
_MOST_DOCUMENTS_TOLD = 20


class Batch:
    """Collects rows; `flush` stores them, and only then tells the supervisor.

    Pages that were recognised are put away as soon as nothing else can be done; those that are known come by the
    thousand, and a transaction for each would take longer than they do.
    """

    def __init__(self, store: ResultStore, key: AttemptKey, send: Callable[[Message], object]) -> None:
        self._store = store
        self._key = key
        self._send = send
        self._clear()

    def opened(self, page_count: int) -> None:
        """Take in that a document has told its pages."""
        self._opened += 1
        self._found += page_count

    def page(self, row: StoredPage) -> None:
        """Take in a page that is finished."""
        self._pages.append(row)
        self._characters += len(row.text) + len(row.master)
        self._count(row.source, row.status)
        if row.because:
            self._because[row.because] += 1
        self._flush_if_large()

    def page_kept(self, page: PageResult) -> None:
        """Take in a page that the attempt has stored already."""
        self._count(page.source, page.status)
        if page.because:
            self._because[page.because] += 1

    def document(self, row: StoredDocument, pages: Sequence[PageResult]) -> None:
        """Take in a document that is finished, and staged; its pages come in order."""
        self._documents.append(row)
        self._ended.append(_ended(row, pages))
        self._flush_if_large()

    def flush(self) -> None:
        """Store what there is, and tell of it.

        Raises:
            FencedOut: The run is another's by now.
        """
        if self._pages or self._documents:
            self._store.store(self._key, self._pages, self._documents)
        if self._pages or self._documents or self._opened or self._finished:
            self._tell()
        self._clear()

    def _tell(self) -> None:
        first, *others = [
            self._ended[begin : begin + _MOST_DOCUMENTS_TOLD]
            for begin in range(0, len(self._ended) or 1, _MOST_DOCUMENTS_TOLD)
        ]
        self._send(
            Advanced(
                documents_opened=self._opened,
                pages_found=self._found,
                pages=dict(self._finished),
                because=dict(self._because),
                ended=first,
            )
        )
        for ended in others:
            self._send(Advanced(ended=ended))

    def _count(self, source: str | None, status: str) -> None:
        self._finished[source or str(status)] += 1

    def _flush_if_large(self) -> None:
        if len(self._pages) + len(self._documents) >= _MOST_ROWS or self._characters >= _MOST_CHARACTERS:
            self.flush()

    def _clear(self) -> None:
        self._opened = 0
        self._found = 0
        self._finished: Counter[str] = Counter()
        self._because: Counter[str] = Counter()
        self._pages: list[StoredPage] = []
        self._characters = 0
        self._documents: list[StoredDocument] = []
        self._ended: list[EndedDocument] = []


def _ended(row: StoredDocument, pages: Sequence[PageResult]) -> EndedDocument:
    stated = [page for page in pages if page.mean_confidence is not None]
    words = sum(page.word_count for page in stated)
    return EndedDocument(
        path=row.path,
        error=(row.error or "failed") if row.status is ResultStatus.FAILED else None,
        pages=dict(Counter(page.source or page.status for page in pages)),
        seconds=sum(page.duration_ms for page in pages if page.source != "cache") / 1000,
        mean_confidence=sum((page.mean_confidence or 0) * page.word_count for page in stated) / words
        if words
        else None,
        weak_pages=sum(is_weak(page.weak_word_share) for page in pages),
    )
