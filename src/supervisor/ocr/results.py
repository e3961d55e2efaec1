"""What recognition hands back for a page."""

from dataclasses import dataclass, field
from typing import Literal

PageStatus = Literal["succeeded", "failed", "skipped"]
Origin = Literal["ocr", "text_layer", "blank"]
PageSource = Literal["ocr", "text_layer", "cache", "blank"]


@dataclass(frozen=True)
class PageTiming:
    """How the work on a page went, on the machine where it was done.

    Attributes:
        page_process: The number of the page process, a pid.
        slot: The number of the OCR slot; None for a page that needed none.
        began_at: When the page process took it, in seconds since the epoch.
        waiting_ms: Until the slot was there.
        preparing_ms: Until there was a picture; with `recognising_ms` it is most of the page's `duration_ms`.
        recognising_ms: In tesseract, all readings together.
    """

    page_process: int
    slot: int | None
    began_at: float
    waiting_ms: int
    preparing_ms: int
    recognising_ms: int


@dataclass(frozen=True)
class PageResult:
    """One page of one document.

    Attributes:
        page_number: From 1.
        status: skipped: not among the job's pages.
        source: Where the text comes from; None unless succeeded. cache: recognised before, and not again.
        text: Lines as tesseract writes them, without the form feed.
        master: hOCR of this page, as `hocr.write_page` makes it; empty unless succeeded.
        mean_confidence: As in `quality.Quality`; None for a text layer, which states no confidence.
        low_confidence: The same.
        weak_word_share: The same.
        word_count: Words that are not blank.
        duration_ms: Preparation and recognition, without waiting.
        error: The reason, None if succeeded.
        page_key: What makes two pages the same to the recogniser; None where nothing was recognised.
        because: Why it had to be recognised, where it was: "new", "changed", "other settings".
        timing: How that went; None if it was known before it came to a page process, or nobody lived to tell.
        said: What the recogniser complained of before it failed, where `error` does not tell.
    """

    page_number: int
    status: PageStatus
    source: PageSource | None = None
    text: str = ""
    master: str = ""
    mean_confidence: float | None = None
    low_confidence: float | None = None
    weak_word_share: float | None = None
    word_count: int = 0
    duration_ms: int = 0
    error: str | None = None
    page_key: str | None = None
    because: str | None = None
    timing: PageTiming | None = field(default=None, compare=False)
    said: str | None = None

    @property
    def origin(self) -> Origin | None:
        """Where the text came from in the first place; the same whether or not it was known already."""
        return "ocr" if self.source == "cache" else self.source
