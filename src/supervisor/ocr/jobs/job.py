"""One job: documents plus the settings they are recognised with, as DESIGN.md §5.1 names them."""

import re
from collections.abc import Callable
from typing import Annotated, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StrictBool,
    StrictInt,
    StrictStr,
    model_validator,
)

from supervisor.ocr.jobs.page_selection import parse_pages

_LANGUAGE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(/[A-Za-z0-9_][A-Za-z0-9_-]*)?")

# What changes the recognised text and nothing else: no file is written, no log, no window. tesseract ends with 0 on a
# variable that it does not know, so a name that is not here is refused instead of silently ignored.
VARIABLES = frozenset(
    {
        "classify_bln_numeric_mode",
        "invert_threshold",
        "language_model_penalty_case",
        "language_model_penalty_chartype",
        "language_model_penalty_non_dict_word",
        "language_model_penalty_non_freq_dict_word",
        "language_model_penalty_punc",
        "language_model_penalty_script",
        "load_bigram_dawg",
        "load_freq_dawg",
        "load_number_dawg",
        "load_punc_dawg",
        "load_system_dawg",
        "load_unambig_dawg",
        "numeric_punctuation",
        "preserve_interword_spaces",
        "tessedit_char_blacklist",
        "tessedit_char_unblacklist",
        "tessedit_char_whitelist",
        "tessedit_do_invert",
        "textord_heavy_nr",
        "textord_min_linesize",
        "textord_tabfind_find_tables",
        "textord_tabfind_vertical_text",
        "textord_tablefind_recognize_tables",
        "thresholding_kfactor",
        "thresholding_method",
        "thresholding_score_fraction",
        "thresholding_smooth_kernel_size",
        "thresholding_tile_size",
        "thresholding_window_size",
    }
)


def _between(lowest: int, highest: int) -> Callable[[int], int]:
    def check(value: int) -> int:
        if not lowest <= value <= highest:
            raise ValueError(f"must be from {lowest} to {highest}, not {value}")
        return value

    return check


def _printable(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("must not be empty or hold control characters")
    return value


def _repository_path(value: str) -> str:
    if not value.strip() or "\0" in value:
        raise ValueError("must not be empty")
    if value.startswith("/"):
        raise ValueError(f'must be a path in the repository, not the absolute "{value}"')
    if ".." in value.split("/"):
        raise ValueError(f'must stay in the repository: ".." in "{value}"')
    return value


def _pattern(value: str) -> str:
    if value.startswith(":"):
        raise ValueError(f'must be a plain pattern such as "scans/*.tiff", not the git magic "{value}"')
    return _repository_path(value)


def _language(value: str) -> str:
    if "+" in value:
        raise ValueError(f"must be a list of languages: [{', '.join(repr(name) for name in value.split('+'))}]")
    if not _LANGUAGE.fullmatch(value):
        raise ValueError(f'holds "{value}", which is not the name of a language such as "eng" or "chi_sim"')
    return value


def _filled(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError("must not be empty")
    twice = [value for index, value in enumerate(values) if value in values[:index]]
    if twice:
        raise ValueError(f'names "{twice[0]}" twice')
    return values


def _page_ranges(value: str) -> str:
    parse_pages(value)
    return value


def _recognising_segmentation(value: int) -> int:
    if value in {0, 2}:
        raise ValueError(f"{value} recognises no text; 3 is the usual value")
    return value


def _variable_text(value: object) -> object:
    match value:
        case bool():
            return "1" if value else "0"
        case int() | float():
            return str(value)
        case str() if value.isprintable():
            return value
        case _:
            raise ValueError("must be text, a number, true or false, without control characters")


RepositoryPath = Annotated[StrictStr, AfterValidator(_repository_path)]
Pattern = Annotated[StrictStr, AfterValidator(_pattern)]
Language = Annotated[StrictStr, AfterValidator(_language)]
Format = Literal["txt", "tsv", "hocr", "alto", "pdf", "json"]
TextLayer = Literal["skip", "redo", "force"]
Rotate = Literal["off", "auto"]
Scale = Literal["auto", "off"]

CHOICES = {
    "formats": get_args(Format),
    "text_layer": get_args(TextLayer),
    "rotate": get_args(Rotate),
    "scale": get_args(Scale),
}
"""The words that a key takes, where it takes no others."""


class Job(BaseModel):
    """Documents and settings. Survives `model_dump(mode="json")` and back, which is how resolved jobs are stored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[StrictStr, AfterValidator(_printable)]
    documents: Annotated[tuple[Pattern, ...], AfterValidator(_filled)]
    exclude: tuple[Pattern, ...] = ()
    allow_empty: StrictBool = False
    languages: Annotated[tuple[Language, ...], AfterValidator(_filled)] = ("eng",)
    formats: Annotated[tuple[Format, ...], AfterValidator(_filled)] = ("txt", "tsv")
    pages: Annotated[StrictStr, AfterValidator(_page_ranges)] | None = None
    dpi: Annotated[StrictInt, AfterValidator(_between(70, 2400))] = 300
    page_segmentation: Annotated[
        StrictInt, AfterValidator(_between(1, 13)), AfterValidator(_recognising_segmentation)
    ] = 3
    engine_mode: Annotated[StrictInt, AfterValidator(_between(0, 3))] = 3
    tessdata_dir: RepositoryPath | None = None
    user_words: RepositoryPath | None = None
    user_patterns: RepositoryPath | None = None
    variables: dict[StrictStr, Annotated[str, BeforeValidator(_variable_text)]] = {}
    text_layer: TextLayer = "skip"
    rotate: Rotate = "off"
    deskew: StrictBool = False
    scale: Scale = "auto"
    page_timeout_seconds: Annotated[StrictInt, AfterValidator(_between(1, 86_400))] = 180
    max_image_megapixels: Annotated[StrictInt, AfterValidator(_between(1, 1_073))] = 250

    @model_validator(mode="after")
    def _variables_are_known(self) -> Self:
        for name in self.variables:
            if name not in VARIABLES:
                raise UnknownVariableError(name)
        return self


class UnknownVariableError(ValueError):
    """A tesseract variable that is not in the allow-list."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
