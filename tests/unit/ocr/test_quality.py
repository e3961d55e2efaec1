import pytest

from supervisor.ocr.quality import Quality, measure
from supervisor.ocr.tsv import HEADER


def tsv(*words: tuple[float, str]) -> str:
    lines = [HEADER, "1\t1\t0\t0\t0\t0\t0\t0\t100\t100\t-1\t"]
    lines += [f"5\t1\t1\t1\t1\t{number}\t0\t0\t9\t9\t{conf}\t{text}" for number, (conf, text) in enumerate(words, 1)]
    return "\n".join(lines) + "\n"


def test_mean_is_weighted_by_characters() -> None:
    quality = measure(tsv((90, "abcdefghi"), (40, "x")))
    assert quality.mean_confidence == pytest.approx(85)
    assert quality.weak_word_share == 0.5
    assert quality.word_count == 2


def test_tenth_percentile() -> None:
    assert measure(tsv(*((float(number), "w") for number in range(1, 21)))).low_confidence == 2
    assert measure(tsv((77.5, "w"))).low_confidence == 77.5


@pytest.mark.parametrize("text", ["", tsv(), tsv((95, " "), (95, ""))])
def test_without_words_there_is_nothing_to_trust(text: str) -> None:
    assert measure(text) == Quality(0, None, None, None)


def test_quotes_and_tabs_are_text() -> None:
    assert measure(tsv((90, '"'), (90, "a\tb"))).word_count == 2


def test_sixty_is_not_weak() -> None:
    assert measure(tsv((60, "a"), (59.9, "b"))).weak_word_share == 0.5
