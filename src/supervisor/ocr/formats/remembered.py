"""What was derived from pages lately: many documents share few pages, and most runs have one document after another."""

from collections import OrderedDict
from collections.abc import Callable

from supervisor.ocr.hocr import read_page
from supervisor.ocr.layout import PageLayout

# A book page of 400 words is 60,000 characters of hOCR and 15,000 to 60,000 of another format.
_MOST_CHARACTERS = 32_000_000


class RememberedPages:
    """Derives text from masters, and forgets what was not asked for the longest once that grows too much."""

    def __init__(self, derive: Callable[[PageLayout, int], str], most_characters: int = _MOST_CHARACTERS) -> None:
        self._derive = derive
        self._most_characters = most_characters
        self._pages: OrderedDict[tuple[str, int], str] = OrderedDict()
        self._characters = 0

    def __call__(self, master: str, page_number: int) -> str:
        """Return what a master is derived into under a page number.

        Raises:
            RecogniserError: The master is no hOCR.
        """
        key = (master, page_number)
        known = self._pages.get(key)
        if known is not None:
            self._pages.move_to_end(key)
            return known
        derived = self._derive(read_page(master), page_number)
        self._pages[key] = derived
        self._characters += len(master) + len(derived)
        while self._characters > self._most_characters:
            (forgotten, _), text = self._pages.popitem(last=False)
            self._characters -= len(forgotten) + len(text)
        return derived
