import json
import zlib
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supervisor.ocr.cache import entries
from supervisor.ocr.cache.entries import CachedPage, Entry, PageCount, PictureOf, decode, encode

SHARES = st.none() | st.floats(0, 100)
TEXTS = st.text(st.characters())
PAGES = st.builds(
    CachedPage,
    source=st.sampled_from(["ocr", "blank", "text_layer"]),
    text=TEXTS,
    master=TEXTS,
    mean_confidence=SHARES,
    low_confidence=SHARES,
    weak_word_share=SHARES,
    word_count=st.integers(0, 2**31 - 1),
    page_key=st.none() | st.just("page-" + "0" * 64),
)
ENTRIES = st.one_of(
    PAGES, st.builds(PageCount, st.integers(1, 10**6)), st.builds(PictureOf, st.text("0123456789abcdef"))
)
PAGE = CachedPage("ocr", "The archive\nkeeps it.\n", "<div class='ocr_page'>…</div>\n", 91.5, 70.0, 0.125, 4, "page-1")


def sealed(key: str, body: bytes) -> bytes:
    """Write what is rightly sealed, whatever it is."""
    return entries._MARK + entries._checksum(key, body) + body


@given(ENTRIES)
@example(CachedPage("ocr", "\ud800", "\udfff"))
def test_what_was_kept_is_what_is_found(entry: Entry) -> None:
    assert decode("page-1", encode("page-1", entry)) == entry


@given(st.data())
def test_a_damaged_entry_is_no_entry(data: st.DataObject) -> None:
    whole = encode("page-1", PAGE)
    damaged = bytearray(whole)
    match data.draw(st.sampled_from(["flip", "cut", "grow", "zeros"])):
        case "flip":
            damaged[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            del damaged[data.draw(st.integers(0, len(whole) - 1)) :]
        case "grow":
            damaged += data.draw(st.binary(min_size=1))
        case "zeros":
            # What a file system may leave after a power cut: the length is right, the content is not.
            start = data.draw(st.integers(0, len(whole) - 1))
            damaged[start:] = bytes(len(whole) - start)
    assert decode("page-1", bytes(damaged)) is None


@given(st.binary())
def test_something_else_is_no_entry(data: bytes) -> None:
    assert decode("page-1", data) is None


def test_an_entry_of_another_key_is_no_entry() -> None:
    assert decode("page-2", encode("page-1", PAGE)) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not compressed",
        zlib.compress(b""),
        zlib.compress(b"\xff"),
        zlib.compress(b"[]"),
        zlib.compress(b"5"),
        zlib.compress(b'"a"'),
        zlib.compress(b"[" * 100_000),
        zlib.compress(b"1" * 5_000),
        zlib.compress(b"{}"),
        zlib.compress(b'{"kind": [], "lengths": []}'),
        zlib.compress(b'{"kind": "pages", "lengths": 5, "pages": 1}'),
        zlib.compress(b'{"kind": "pages", "lengths": []}'),
        zlib.compress(b'{"kind": "pages", "lengths": [1], "pages": 1}\nx'),
        zlib.compress(b'{"kind": "pages", "lengths": [], "pages": 1, "more": 2}'),
        zlib.compress(b'{"kind": "stamp", "lengths": []}'),
        zlib.compress(json.dumps({"kind": "page", "lengths": [1, 1], "source": "ocr"}).encode() + b"\n\xff\xff"),
        zlib.compress(b'{"kind": "pages", "lengths": [], "pages": 1}')[:-3],
    ],
)
def test_what_another_program_has_sealed_is_no_entry(body: bytes) -> None:
    assert decode("page-1", sealed("page-1", body)) is None


@pytest.mark.parametrize(
    "entry",
    [
        *(PageCount(pages) for pages in ("many", 0, -1, True, 1.5, None, 10**9)),
        *(PictureOf(digest) for digest in (None, 5, ["a"])),
        *(replace(PAGE, source=source) for source in ("nonsense", "cache", None, 1, [])),
        *(replace(PAGE, word_count=count) for count in (-1, 2**31, 1.0, None, True, "4")),
        *(replace(PAGE, mean_confidence=share) for share in (-1, 101, float("nan"), float("inf"), "91.5", True, [])),
        replace(PAGE, low_confidence="70"),
        replace(PAGE, weak_word_share=-0.1),
        *(replace(PAGE, page_key=key) for key in (1, ["page-1"], False)),
    ],
)
def test_values_that_no_entry_has_are_no_entry(entry: Entry) -> None:
    assert decode("page-1", encode("page-1", entry)) is None


def test_an_entry_of_another_format_is_no_entry() -> None:
    older = encode("page-1", PAGE).replace(b"cache 1\n", b"cache 0\n", 1)
    assert older != encode("page-1", PAGE)
    assert decode("page-1", older) is None


def test_what_expands_without_end_is_no_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "MAX_BODY_BYTES", 10_000)
    fitting, larger = CachedPage("ocr", "x" * 9_000, ""), CachedPage("ocr", "x" * 11_000, "")
    assert decode("page-1", encode("page-1", fitting)) == fitting
    assert decode("page-1", encode("page-1", larger)) is None
