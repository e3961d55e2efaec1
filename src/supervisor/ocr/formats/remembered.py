"""What was derived from pages lately: a run of many documents often has few pages that differ."""

import sys
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache

from supervisor.ocr.hocr import read_page
from supervisor.ocr.layout import PageLayout
from supervisor.ocr.results import PageResult

# A book page of 400 words takes 0.1 to 0.2 MB, so that some hundred different pages fit.
_MOST_BYTES = 64_000_000
# Formats ask for the same page one after another.
_layout_of = lru_cache(maxsize=1)(read_page)


class RememberedPages:
    """Derives text from the masters of pages; forgets what was not asked for the longest once all takes too much room.

    A page without a master is not derived, but spelled by its number.
    """

    def __init__(
        self,
        derive: Callable[[PageLayout, int], str],
        without_result: Callable[[int], str],
        *,
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        self._derive = derive
        self._without_result = without_result
        self._most_bytes = most_bytes
        self._texts: OrderedDict[tuple[str, int], str] = OrderedDict()
        self._bytes = 0

    def __call__(self, page: PageResult) -> str:
        """Return what a page is derived into.

        Raises:
            RecogniserError: Its master is no hOCR.
        """
        if not page.master:
            return self._without_result(page.page_number)
        key = (page.master, page.page_number)
        text = self._texts.get(key)
        if text is None:
            text = self._derive(_layout_of(page.master), page.page_number)
            self._texts[key] = text
            self._bytes += _bytes(page.master, text)
            self._forget()
        else:
            self._texts.move_to_end(key)
        return text

    def _forget(self) -> None:
        while self._bytes > self._most_bytes:
            (master, _), text = self._texts.popitem(last=False)
            self._bytes -= _bytes(master, text)


def _bytes(master: str, text: str) -> int:
    return sys.getsizeof(master) + sys.getsizeof(text)
