"""What a reader should not trust unseen: weak words, and pages with many of them."""

WEAK_CONFIDENCE = 60
WEAK_PAGE_SHARE = 0.25


def is_weak(weak_word_share: float | None) -> bool:
    """Tell whether a page is weak: at least a quarter of its words are. One without stated confidences is not."""
    return weak_word_share is not None and weak_word_share >= WEAK_PAGE_SHARE
