"""What can go wrong with a document, a page or the programs that read them; the message is the reason a user sees."""

import signal

from supervisor.errors import SupervisorError, SurroundingsError, UsageError


class JobFileError(UsageError):
    """A job file that cannot be believed. One line: file, job, key, and what to write instead."""


class DocumentError(SupervisorError):
    """A document or page that cannot be read. The message is a reason, without the name of the document."""

    exit_code = 1


class RecogniserError(DocumentError):
    """The recogniser failed on a page.

    Attributes:
        killed_by: The signal that ended tesseract, None if it ended by itself.
        said: What tesseract complained of before, where the message does not tell.
    """

    def __init__(self, message: str, *, killed_by: int | None = None, said: str = "") -> None:
        super().__init__(message)
        self.killed_by = killed_by
        self.said = said


class TesseractMissingError(SurroundingsError):
    """There is no usable tesseract on this machine."""


class TesseractTooOldError(SurroundingsError):
    """The tesseract of this machine lacks what the program relies on."""


class LanguageMissingError(SurroundingsError):
    """A job asks for a language whose data is not installed."""


class PoolBrokenError(SurroundingsError):
    """The page processes cannot be started, or die before they take a page."""


def signal_name(number: int) -> str:
    """Name a signal as people know it: SIGKILL rather than 9."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
