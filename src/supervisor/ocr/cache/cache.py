"""The page cache: what was recognised once, for every run, attempt, supervisor and repository of a user.

Two levels. A page of a document leads to the digest of its picture, and that together with the settings of recognition
to what stands in it. So a picture is recognised once although it is in two documents, and a page whose document is
known is found without decoding anything.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

from supervisor.errors import SupervisorError
from supervisor.ocr.cache.entries import CachedPage, Entry, PageCount, PictureOf, decode, encode, size_in_memory
from supervisor.ocr.cache.files import TOUCH_SECONDS, EntryFiles
from supervisor.ocr.cache.keys import JobKeys
from supervisor.ocr.cache.memo import Memo
from supervisor.ocr.cache.outage import Outage

_MEMORY_BYTES = 64 * 1024 * 1024
# What waits to be shared: so few that a kill loses little, so many that a round trip is nothing beside recognition.
_PENDING_ENTRIES = 32
# Of some thousand pages, for a database that is away for long.
_MOST_PENDING_BYTES = 64 * 1024 * 1024
# A few megabytes.
_ASKED_AT_ONCE = 500


class SharedEntries(Protocol):
    """Where machines share entries; each method may raise a `SupervisorError`, which costs a warning and no more."""

    def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Return the entries that there are."""
        ...

    def put(self, entries: Mapping[str, bytes]) -> None:
        """Keep entries, in place of whatever else has their keys."""
        ...


class PageCache:
    """The entries of one user on this machine, and those that machines share; not thread-safe.

    Making one costs nothing and touches nothing. Whatever fails below makes it forgetful, and never raises: a
    directory that cannot be written, a full disk, damaged entries, a database that is away.
    """

    def __init__(self, directory: Path, shared: SharedEntries | None = None, *, min_free_bytes: int = 0) -> None:
        """Remember where entries are.

        Args:
            directory: Made with the first entry.
            shared: Asked for what is not in the directory, and told what is new.
            min_free_bytes: Nothing is added to the directory while its disk has less room.
        """
        self._files = EntryFiles(directory, min_free_bytes=min_free_bytes)
        self._shared = shared
        self._memo: Memo[Entry] = Memo(limit_bytes=_MEMORY_BYTES, lifetime_seconds=TOUCH_SECONDS)
        self._pending: dict[str, bytes] = {}
        self._pending_bytes = 0
        self._outage = Outage("pages are not shared with other machines for the moment")

    def page_count(self, keys: JobKeys, content: str) -> int | None:
        """Return how many pages a document has, if that is known."""
        found = self._find(keys.document(content))
        return found.pages if isinstance(found, PageCount) else None

    def page(self, keys: JobKeys, content: str, page_number: int) -> CachedPage | None:
        """Return a page of a document, if it is known; nothing is decoded for that."""
        key = keys.lookup(content, page_number)
        match self._find(key):
            case PictureOf(digest):
                return self.pictured(keys.page(digest))
            case CachedPage() as text_layer:
                return text_layer
            case _:
                return None

    def pictured(self, page_key: str) -> CachedPage | None:
        """Return what stands in a picture, if it is known from any document."""
        found = self._find(page_key)
        return found if isinstance(found, CachedPage) else None

    def keep_page_count(self, keys: JobKeys, content: str, pages: int) -> None:
        """Keep how many pages a document has."""
        self._keep({keys.document(content): PageCount(pages)})

    def keep(self, keys: JobKeys, content: str, page_number: int, picture: str | None, page: CachedPage) -> None:
        """Keep a page that was read without failure.

        Args:
            keys: Of the job.
            content: What identifies the document.
            page_number: From 1.
            picture: The digest of the picture that led to it; None for a text layer, which has no picture.
            page: What stands there.
        """
        lookup = keys.lookup(content, page_number)
        self._keep({lookup: page} if picture is None else {keys.page(picture): page, lookup: PictureOf(picture)})

    def prefetch(self, documents: Iterable[tuple[JobKeys, str]]) -> None:
        """Bring what machines share of some documents to this one, in a few queries for all of them.

        To be called for some hundred documents before they are asked for, so that what came is still in memory then.
        """
        if self._shared is None:
            return
        owners = {keys.document(content): (keys, content) for keys, content in documents}
        lookups: dict[str, JobKeys] = {}
        for document, entry in self._bring(owners):
            if isinstance(entry, PageCount):
                keys, content = owners[document]
                lookups |= {keys.lookup(content, number): keys for number in range(1, entry.pages + 1)}
        found = self._bring(lookups)
        pages = [lookups[lookup].page(entry.digest) for lookup, entry in found if isinstance(entry, PictureOf)]
        for part in _parts(pages, _ASKED_AT_ONCE):
            self._ask([key for key in part if not self._own(key)])

    def flush(self, *, is_last: bool = False) -> None:
        """Share what waits for it; while that fails it waits on, as far as there is room.

        Args:
            is_last: The work is done: it is tried even if it failed only just now.
        """
        if self._shared is None or (self._outage.lasts and not is_last):
            return
        try:
            for part in _parts(list(self._pending), _PENDING_ENTRIES):
                self._shared.put({key: self._pending[key] for key in part})
                self._pending_bytes -= sum(len(self._pending.pop(key)) for key in part)
        except SupervisorError as error:
            self._outage.begin(error.message)

    def _find(self, key: str) -> Entry | None:
        return self._own(key) or self._ask([key]).get(key)

    def _bring(self, keys: Iterable[str]) -> Iterator[tuple[str, Entry]]:
        """Yield what is known under some keys, asking for what is not here by the hundred."""
        for part in _parts(keys, _ASKED_AT_ONCE):
            own = {key: self._own(key) for key in part}
            yield from ((key, entry) for key, entry in own.items() if entry)
            yield from self._ask([key for key in part if not own[key]]).items()

    def _own(self, key: str) -> Entry | None:
        entry = self._memo.get(key)
        if entry is None:
            data = self._files.read(key)
            entry = decode(key, data) if data is not None else None
            if entry is not None:
                self._memo.put(key, entry, size_in_memory(entry))
        return entry

    def _ask(self, keys: Sequence[str]) -> dict[str, Entry]:
        if self._shared is None or not keys or self._outage.lasts:
            return {}
        try:
            data = self._shared.get(keys)
        except SupervisorError as error:
            self._outage.begin(error.message)
            return {}
        entries = {key: entry for key in data if (entry := decode(key, data[key]))}
        for key, entry in entries.items():
            self._files.write(key, data[key])
            self._memo.put(key, entry, size_in_memory(entry))
        return entries

    def _keep(self, entries: Mapping[str, Entry]) -> None:
        for key, entry in entries.items():
            data = encode(key, entry)
            self._files.write(key, data)
            self._memo.put(key, entry, size_in_memory(entry))
            if self._shared is not None and self._pending_bytes + len(data) <= _MOST_PENDING_BYTES:
                self._pending_bytes += len(data) - len(self._pending.get(key, b""))
                self._pending[key] = data
        if len(self._pending) >= _PENDING_ENTRIES:
            self.flush()


def _parts(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    waiting = iter(keys)
    while part := list(islice(waiting, size)):
        yield part
