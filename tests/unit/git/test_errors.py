import pytest

from supervisor.git.errors import GitError, argument_text, last_complaint


@pytest.mark.parametrize(
    ("stderr", "line"),
    [
        ("", ""),
        ("fatal: no\n", "fatal: no"),
        ("warning: x\nfatal: no\nhint: try this\n\n\tgit do that\n", "fatal: no"),
        ("error: first\nerror: second\nThen advice\n", "error: second"),
        ("something\nelse\n", "else"),
    ],
)
def test_the_line_that_says_what_went_wrong(stderr: str, line: str) -> None:
    assert last_complaint(stderr) == line


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("scans/a b.png", "scans/a b.png"),
        ("ü", "ü"),
        ("a\nb", "a\\nb"),
        ("\udcff%", "%FF%25"),
        ("\x1b[31m", "\\x1b[31m"),
    ],
)
def test_arguments_are_printable_on_one_line(argument: str, text: str) -> None:
    assert argument_text(argument) == text


def test_a_long_command_is_cut() -> None:
    error = GitError(["update-index", *["name"] * 1000], 128, "fatal: no\n")
    assert len(error.message) < 200
    assert error.message.endswith("…: fatal: no")
    assert len(error.command) == 1001


def test_a_silent_end_names_the_status() -> None:
    assert GitError(["status"], 3, "").message == "git status: ended with status 3"
