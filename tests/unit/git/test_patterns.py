import pytest

from supervisor.git.errors import PatternError
from supervisor.git.exclusion import pattern_line
from supervisor.git.tree import pathspecs


def test_document_patterns_become_pathspecs() -> None:
    assert pathspecs(["scans/*.png", ":(top)x"], ["**/draft-*"]) == [
        ":(top,glob,icase)scans/*.png",
        ":(top,glob,icase):(top)x",
        ":(top,exclude,glob,icase)**/draft-*",
    ]


@pytest.mark.parametrize("pattern", ["", "/scans/*", "../*", "scans/../../x", "..", "a\0b"])
def test_pattern_that_leads_out_is_refused_with_the_form_to_use(pattern: str) -> None:
    for patterns, exclude in (([pattern], []), ([], [pattern])):
        with pytest.raises(PatternError) as caught:
            pathspecs(patterns, exclude)
        assert caught.value.exit_code == 2
        assert "relative" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("relative", "line"),
    [
        (b".autonomous_runs", b"/.autonomous_runs/"),
        (b"a/b c", b"/a/b c/"),
        (b"a*?[b]\\", b"/a\\*\\?\\[b]\\\\/"),
        (b"new\nline\r", b"/new?line?/"),
        (b"\xff#!", b"/\xff#!/"),
    ],
)
def test_ignore_line_names_one_directory(relative: bytes, line: bytes) -> None:
    assert pattern_line(relative) == line
