from urllib.parse import unquote_to_bytes

from hypothesis import given
from hypothesis import strategies as st

from supervisor.model.paths import path_text, printable

NOT_UTF_8 = st.builds(lambda before, after: before + b"\xff" + after, st.binary(max_size=20), st.binary(max_size=20))


@given(st.text(max_size=30))
def test_utf_8_is_left_alone(text: str) -> None:
    assert path_text(text.encode()) == text


@given(st.binary(max_size=40) | NOT_UTF_8)
def test_the_text_can_be_stored_and_sent_anywhere(path: bytes) -> None:
    path_text(path).encode()  # raises on a lone surrogate


@given(NOT_UTF_8)
def test_what_is_escaped_can_be_read_back(path: bytes) -> None:
    text = path_text(path)
    assert text.isascii()
    assert text.isprintable()
    assert unquote_to_bytes(text) == path


def test_escaping_leaves_what_people_can_read() -> None:
    assert path_text(b"scans/100% m\xfcde (1).tiff") == "scans/100%25 m%FCde (1).tiff"


@given(st.text(max_size=30))
def test_what_a_terminal_shows_stays_on_its_line(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert (shown == text) == text.isprintable()


def test_names_cannot_move_the_cursor() -> None:
    assert printable("a\x1b[2Jb\r\nc") == "a\\x1b[2Jb\\r\\nc"
