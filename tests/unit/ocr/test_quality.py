import pytest

from supervisor.ocr.layout import Block, Box, Line, PageLayout, Paragraph, Word
from supervisor.ocr.quality import Quality, measure

BOX = Box(0, 0, 9, 9)


def page(*words: tuple[int, str]) -> PageLayout:
    lines = tuple(Line(BOX, (Word(text, BOX, confidence),)) for confidence, text in words)
    return PageLayout(100, 100, 300, (Block(BOX, (Paragraph(BOX, lines),)),))


def test_mean_is_weighted_by_characters() -> None:
    quality = measure(page((90, "abcdefghi"), (40, "x")))
    assert quality.mean_confidence == pytest.approx(85)
    assert quality.weak_word_share == 0.5
    assert quality.word_count == 2


def test_tenth_percentile() -> None:
    assert measure(page(*((number, "w") for number in range(20, 0, -1)))).low_confidence == 2
    assert measure(page((77, "w"))).low_confidence == 77


@pytest.mark.parametrize("layout", [PageLayout(9, 9, 70), page(), page((95, " "), (95, ""))])
def test_without_words_there_is_nothing_to_trust(layout: PageLayout) -> None:
    assert measure(layout) == Quality(0, None, None, None)


def test_sixty_is_not_weak() -> None:
    assert measure(page((60, "a"), (59, "b"))).weak_word_share == 0.5
