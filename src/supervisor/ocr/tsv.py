"""Rows of a page in tesseract's TSV: twelve columns, boxes as left, top, width, height in pixels from the top left."""

from collections.abc import Iterator
from dataclasses import dataclass

HEADER = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"
_COLUMNS = 12
_WORD_LEVEL = 5


@dataclass(frozen=True)
class Word:
    """A word that is not blank."""

    text: str
    confidence: float


def rows(tsv: str) -> Iterator[list[str]]:
    """Yield the columns of every row but the header. tesseract quotes nothing, so the csv module would misread it."""
    for line in tsv.split("\n"):
        columns = line.split("\t", _COLUMNS - 1)
        if len(columns) == _COLUMNS and columns[0].isdigit():
            yield columns


def words(tsv: str) -> list[Word]:
    """Return the words of a page in reading order."""
    return [
        Word(columns[11], float(columns[10]))
        for columns in rows(tsv)
        if int(columns[0]) == _WORD_LEVEL and columns[11].strip()
    ]
