"""What recognition hands back for a page."""

from dataclasses import dataclass
from typing import Literal

PageStatus = Literal["succeeded", "failed", "skipped"]
PageSource = Literal["ocr", "text_layer"]


@dataclass(frozen=True)
class PageResult:
    """One page of one document.

    Attributes:
        page_number: From 1.
        status: skipped: not among the job's pages.
        source: Where the text comes from; None unless succeeded.
        text: Lines as tesseract writes them, without the form feed.
        tsv: tesseract's columns, header included, page_num 1; empty unless succeeded.
        mean_confidence: As in `quality.Quality`; None for a text layer, which states no confidence.
        low_confidence: The same.
        weak_word_share: The same.
        word_count: Words that are not blank.
        duration_ms: Preparation and recognition, without waiting.
        error: The reason, None if succeeded.
    """

    page_number: int
    status: PageStatus
    source: PageSource | None = None
    text: str = ""
    tsv: str = ""
    mean_confidence: float | None = None
    low_confidence: float | None = None
    weak_word_share: float | None = None
    word_count: int = 0
    duration_ms: int = 0
    error: str | None = None
