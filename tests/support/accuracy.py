"""Character error rates: how far recognised text is from the ground truth."""

import re

QUOTES, APOSTROPHES, DASHES = "\u201c\u201d\u201e", "\u2018\u2019", "\u2012\u2013\u2014\u2015\u2212"
PUNCTUATION = {
    ord(mark): plain for marks, plain in ((QUOTES, '"'), (APOSTROPHES, "'"), (DASHES, "-")) for mark in marks
}


def normalised(text: str) -> str:
    """Make alike what the corpus's ground truth, reflowed and typographic, has otherwise: see MANIFEST.md there."""
    text = re.sub(r"-{2,}", "-", text.translate(PUNCTUATION))
    return " ".join(text.split())


def distance(one: str, other: str) -> int:
    """Levenshtein's, by bits: Hyyrö, "A bit-vector algorithm for computing Levenshtein distance", 2003."""
    positions: dict[str, int] = {}
    for index, character in enumerate(one):
        positions[character] = positions.get(character, 0) | 1 << index
    mask, last = (1 << len(one)) - 1, 1 << (len(one) - 1)
    plus, minus, score = mask, 0, len(one)
    for character in other:
        match = positions.get(character, 0)
        diagonal = (((match & plus) + plus) ^ plus) | match | minus
        up, down = minus | ~(diagonal | plus) & mask, plus & diagonal
        score += bool(up & last) - bool(down & last)
        up, down = up << 1 | 1, down << 1
        plus, minus = (down | ~(diagonal | up)) & mask, up & diagonal & mask
    return score


def error_rate(texts: dict[str, str], truths: dict[str, str]) -> float:
    errors = sum(distance(truths[name], normalised(text)) for name, text in texts.items())
    return errors / sum(map(len, truths.values()))
