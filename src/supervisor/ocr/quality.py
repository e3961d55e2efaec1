"""How far a page's text can be trusted, from the confidences of its words."""

import math
from dataclasses import dataclass

from supervisor.model.weakness import WEAK_CONFIDENCE
from supervisor.ocr.layout import PageLayout

_LOW_PERCENTILE = 0.1


@dataclass(frozen=True)
class Quality:
    """Figures of a page; without words there is nothing to trust or doubt, so all but the count are None.

    Attributes:
        word_count: Words that are not blank.
        mean_confidence: 0 to 100, weighted by characters.
        low_confidence: The tenth percentile of the words' confidences, by nearest rank.
        weak_word_share: 0 to 1: the share of words below 60.
    """

    word_count: int
    mean_confidence: float | None
    low_confidence: float | None
    weak_word_share: float | None


def measure(layout: PageLayout) -> Quality:
    """Measure a recognised page."""
    words = [word for word in layout.words() if word.text.strip()]
    if not words:
        return Quality(0, None, None, None)
    characters = sum(len(word.text) for word in words)
    ranked = sorted(word.confidence for word in words)
    return Quality(
        word_count=len(words),
        mean_confidence=sum(word.confidence * len(word.text) for word in words) / characters,
        low_confidence=float(ranked[math.ceil(_LOW_PERCENTILE * len(ranked)) - 1]),
        weak_word_share=sum(confidence < WEAK_CONFIDENCE for confidence in ranked) / len(ranked),
    )
