"""Results as programs deliver them: objects, or plain values such as come from JSON; checked, and read into pages."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, StrictBool, StrictInt, StrictStr, TypeAdapter, ValidationError

from supervisor.errors import UsageError
from supervisor.model.paths import printable
from supervisor.ocr.characters import one_line, storable
from supervisor.ocr.errors import RecogniserError
from supervisor.ocr.formats.text import page_text
from supervisor.ocr.hocr import read_page, write_page
from supervisor.ocr.quality import measure
from supervisor.ocr.results import PageResult

_STRICT = ConfigDict(extra="forbid", revalidate_instances="always")
_Confidence = Annotated[float, Field(ge=0, le=100)]


@dataclass(frozen=True, kw_only=True)
class DeliveredPage:
    """A page that a worker has read, or could not read.

    Attributes:
        page_number: From 1.
        hocr: What tesseract writes of the page; every format, text and confidences are derived from it.
        text: In place of that, the text alone: nothing is known of where its words are.
        mean_confidence: 0 to 100, beside the text; None if it is not known.
        error: Why the page could not be read.
        duration_ms: How long it took.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    page_number: Annotated[StrictInt, Field(ge=1, lt=2**31)]
    hocr: StrictStr | None = None
    text: StrictStr | None = None
    mean_confidence: _Confidence | None = None
    error: StrictStr | None = None
    duration_ms: Annotated[StrictInt, Field(ge=0, lt=2**31)] = 0


@dataclass(frozen=True, kw_only=True)
class DeliveredDocument:
    """What a worker has of a document.

    Attributes:
        path: As in the task.
        pages: All of them; or some, and others are there already or follow.
        error: Why the document could not be read.
        is_finished: False while pages of it will follow.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    path: StrictStr
    pages: Sequence[DeliveredPage] = ()
    error: StrictStr | None = None
    is_finished: StrictBool = True


Delivered = DeliveredDocument | Mapping[str, object]
_ADAPTER = TypeAdapter(list[DeliveredDocument])


def checked(documents: Sequence[Delivered]) -> list[DeliveredDocument]:
    """Return what was delivered, once it is known to be complete and to say nothing twice.

    Raises:
        UsageError: It is not.
    """
    try:
        found = _ADAPTER.validate_python(list(documents))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"these are no results: {where}: {one_line(first['msg'])}") from error
    _refuse_doubles([printable(document.path) for document in found], "document")
    for document in found:
        name = printable(document.path)
        _refuse_doubles([f"{page.page_number} of {name}" for page in document.pages], "page")
        for page in document.pages:
            given = [one for one in (page.hocr, page.text, page.error) if one is not None]
            if len(given) != 1:
                raise UsageError(f"page {page.page_number} of {name} needs one of hocr, text and error")
    return found


def page_of(document: str, page: DeliveredPage) -> PageResult:
    """Return a page as recognition knows it.

    Args:
        document: Whose it is.
        page: One that was checked.

    Raises:
        UsageError: Its hOCR cannot be read.
    """
    number, took = page.page_number, page.duration_ms
    if page.error is not None:
        return PageResult(number, "failed", error=one_line(page.error) or "failed", duration_ms=took)
    if page.hocr is None:
        text = storable(page.text or "")
        words = len(text.split())
        return PageResult(
            number,
            "succeeded",
            source="ocr",
            text=text,
            mean_confidence=page.mean_confidence,
            word_count=words,
            duration_ms=took,
        )
    try:
        layout = read_page(page.hocr)
    except RecogniserError as error:
        raise UsageError(f"page {number} of {printable(document)}: {error}") from error
    quality = measure(layout)
    return PageResult(
        number,
        "succeeded",
        source="ocr",
        text=page_text(layout),
        master=write_page(layout),
        mean_confidence=quality.mean_confidence,
        low_confidence=quality.low_confidence,
        weak_word_share=quality.weak_word_share,
        word_count=quality.word_count,
        duration_ms=took,
    )


def _refuse_doubles(names: Sequence[str], what: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UsageError(f"{what} {twice[0]} is delivered twice")
