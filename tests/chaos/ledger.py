"""Which pages were seen to be stored, and how often each was recognised: before that, and in all."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from chaos.archive import Archive
from chaos.databases import AwayError, Rows
from chaos.plan import RUN_IDS
from support.schemas import check_event

_STORED = "SELECT run_id, attempt, document, page_number FROM pages WHERE status = 'succeeded' AND source = 'ocr'"


class Page(NamedTuple):
    """A page of an attempt."""

    run_id: str
    attempt: int
    document: str
    page_number: int


@dataclass
class Ledger:
    """Looks again and again.

    A page is recognised, then told of in the trace, then stored. So what the trace tells once its row can be read is
    how often it was recognised until then, and every further line is one too many. A new attempt begins a new trace.

    Attributes:
        recognised: How often each page was recognised, as far as was seen.
    """

    archive: Archive
    rows: Rows
    recognised: Counter[Page] = field(default_factory=Counter)
    _until_stored: dict[Page, int] = field(default_factory=dict)
    _lines: set[str] = field(default_factory=set)

    @property
    def stored(self) -> int:
        """How many pages were seen to be stored."""
        return len(self._until_stored)

    def look(self) -> None:
        """Take in what is stored at this moment, and what was recognised; not what a server that is away has."""
        try:
            # First the rows: their lines are there, then.
            stored = [Page(*row) for row in self.rows.results(_STORED)]
        except AwayError:
            stored = []
        self._read_traces()
        for page in stored:
            self._until_stored.setdefault(page, self.recognised[page])

    def repeated(self) -> list[str]:
        """Return what is wrong: pages that were recognised again, or are stored and were never recognised."""
        again = [
            f"{page} was recognised {self.recognised[page]} times, {count} of them before it was seen to be stored"
            for page, count in self._until_stored.items()
            if self.recognised[page] > count
        ]
        never = [
            f"{page} is stored and was never recognised" for page, count in self._until_stored.items() if not count
        ]
        return again + never

    def _read_traces(self) -> None:
        for line in self._new_lines():
            event = json.loads(line)
            check_event(event)
            if event["event"] == "page_recognised":
                page = Page(event["run_id"], event["attempt"], event["document"], event["page_number"])
                self.recognised[page] += 1

    def _new_lines(self) -> Iterator[str]:
        for run_id in RUN_IDS:
            try:
                content = self.archive.runs.run(run_id).trace.read_text()
            except FileNotFoundError:
                continue
            # The last one may be half written.
            complete = [line for line in content.splitlines(keepends=True) if line.endswith("\n")]
            new = [line for line in complete if line not in self._lines]
            self._lines.update(new)
            yield from new
