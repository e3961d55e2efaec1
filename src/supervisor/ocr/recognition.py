"""Recognition of one prepared page by one tesseract process, through pytesseract."""

import shlex
from dataclasses import dataclass
from pathlib import Path

import psutil
from pytesseract import pytesseract

from supervisor.ocr.characters import one_line, plain
from supervisor.ocr.errors import DocumentError, RecogniserError, TesseractMissingError, signal_name
from supervisor.ocr.job import Job
from supervisor.ocr.preparation import PreparedPage


@dataclass(frozen=True)
class RecognisedText:
    """tesseract's own txt and tsv of one page, both from one recognition."""

    text: str
    tsv: str


def recognise(page: PreparedPage, job: Job, *, root: Path, timeout_seconds: float) -> RecognisedText:
    """Recognise one page; output files are written beside it.

    Args:
        page: What `prepare_page` wrote.
        job: Language, segmentation and the other settings.
        root: The top of the workspace, which the job's own paths are relative to.
        timeout_seconds: After that tesseract is killed.

    Raises:
        RecogniserError: tesseract failed, was killed, ran out of time or wrote nothing.
        DocumentError: A path of the job leads nowhere, or out of the workspace.
    """
    base = page.file.with_suffix("")
    config = shlex.join(arguments(job, root, dpi=page.dpi))
    try:
        # run_tesseract rather than image_to_*: it takes a path instead of encoding a picture again, and
        # run_and_get_multiple_output cannot be given settings. The extension only keeps it from adding one of its own.
        pytesseract.run_tesseract(
            str(page.file), str(base), "tsv", "+".join(job.languages), config, timeout=max(timeout_seconds, 0.01)
        )
    except pytesseract.TesseractError as error:
        raise _failure(error.status, error.message) from error
    except pytesseract.TesseractNotFoundError as error:
        raise TesseractMissingError("tesseract is not installed, or not on PATH") from error
    except UnicodeDecodeError as error:
        raise RecogniserError("tesseract failed, with a message that is not text") from error
    except RuntimeError as error:
        # Raised bare for nothing but the time limit. pytesseract does not collect what it had to kill.
        _collect_children()
        raise RecogniserError(f"took longer than page_timeout_seconds = {job.page_timeout_seconds}") from error
    return RecognisedText(text=_read(base.with_suffix(".txt")), tsv=_read(base.with_suffix(".tsv")))


def arguments(job: Job, root: Path, *, dpi: int) -> list[str]:
    """Return tesseract's options, apart from the language.

    Results are asked for by variables: the configuration files `txt` and `tsv`, which do the same, are missing from
    many tessdata folders, and tesseract then ends with 0 and writes nothing (OCRmyPDF#1567).
    """
    options = ["--dpi", str(dpi), "--psm", str(job.page_segmentation), "--oem", str(job.engine_mode)]
    for option, value in (
        ("--tessdata-dir", job.tessdata_dir),
        ("--user-words", job.user_words),
        ("--user-patterns", job.user_patterns),
    ):
        if value is not None:
            options += [option, str(_inside(root, value))]
    variables = {**job.variables, "tessedit_create_txt": "1", "tessedit_create_tsv": "1"}
    for name, text in sorted(variables.items()):
        options += ["-c", f"{name}={text}"]
    return options


def _inside(root: Path, value: str) -> Path:
    """Resolve a path of the job, which tesseract would ignore or read from elsewhere if it were wrong."""
    top = root.resolve()
    path = (top / value).resolve()
    if not path.is_relative_to(top):
        raise DocumentError(f'the job\'s path "{value}" leads out of the repository')
    if not path.exists():
        raise DocumentError(f'the job\'s path "{value}" is not in the repository')
    return path


def _failure(status: int, message: str) -> RecogniserError:
    if status < 0:
        return RecogniserError(f"tesseract was killed by {signal_name(-status)}", killed_by=-status)
    detail = one_line(message) or "without a message"
    return RecogniserError(f"tesseract failed with exit code {status}: {detail}")


def _collect_children() -> None:
    for child in psutil.Process().children():
        child.kill()
        child.wait()


def _read(file: Path) -> str:
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise RecogniserError("tesseract ended without writing its result") from error
    return plain(content.decode("utf-8", "replace"))
