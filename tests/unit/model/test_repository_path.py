import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.model.repository_path import RepositoryPathError, repository_path

TOP = b"/home/ada/archive"


@pytest.mark.parametrize(
    ("given_path", "meant"),
    [
        (b"a", b"a"),
        (b"./a", b"a"),
        (b"scans//a.tiff", b"scans/a.tiff"),
        (b"scans/./b/../a.tiff", b"scans/a.tiff"),
        (b"a\\b", b"a\\b"),
        (b"...", b"..."),
        (b" ", b" "),
        (b"sc\xffn", b"sc\xffn"),
        (TOP + b"/scans/a.tiff", b"scans/a.tiff"),
        (b"//home/ada/./archive//scans/a.tiff", b"scans/a.tiff"),
        (b"/home/ada/other/../archive/a", b"a"),
    ],
)
def test_a_path_is_made_one_of_the_repository(given_path: bytes, meant: bytes) -> None:
    assert repository_path(given_path, top=TOP) == meant


@pytest.mark.parametrize(
    ("given_path", "why"),
    [
        (b"", "empty"),
        (b".", "names a folder|repository itself"),
        (b"a/..", "repository itself"),
        (TOP, "repository itself"),
        (b"scans/", "names a folder"),
        (b"scans/.", "names a folder"),
        (TOP + b"/scans/", "names a folder"),
        (b"..", "leads out"),
        (b"../a", "leads out"),
        (b"a/../../archive/a", "leads out"),
        (b"/", "not inside the work tree /home/ada/archive"),
        (b"/etc/passwd", "not inside"),
        (TOP + b"2/a", "not inside"),
        (TOP + b"/../a", "not inside"),
        (b"a\0b", "control"),
        (b"a\nb", "control"),
        (b"\x1b[2J", r"path '\\x1b\[2J' has a control|path '.*x1b.*' has a control"),
        (b"a\x7f", "control"),
    ],
)
def test_what_names_no_file_of_the_repository_is_refused(given_path: bytes, why: str) -> None:
    with pytest.raises(RepositoryPathError, match=why) as caught:
        repository_path(given_path, top=TOP)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    assert caught.value.message.isprintable()


def test_a_repository_without_a_work_tree_takes_no_absolute_path() -> None:
    assert repository_path(b"a//b", top=None) == b"a/b"
    with pytest.raises(RepositoryPathError, match="no work tree"):
        repository_path(b"/srv/archive/a", top=None)


@given(st.lists(st.sampled_from([b"a", b"b", b".", b"..", b"", b"\\", b"\xff"]), max_size=8).map(b"/".join))
def test_what_is_accepted_stays_inside_and_is_the_same_in_every_spelling(path: bytes) -> None:
    try:
        meant = repository_path(path, top=TOP)
    except RepositoryPathError:
        return
    assert not posixpath.isabs(meant)
    assert not {b"", b".", b".."} & set(meant.split(b"/"))
    for other in (meant, b"./" + meant, TOP + b"//" + meant):
        assert repository_path(other, top=TOP) == meant
