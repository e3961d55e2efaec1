"""tesseract's command line: what a job asks for, as options."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from supervisor.ocr.engines.protocol import EngineSettings
from supervisor.ocr.errors import DocumentError
from supervisor.ocr.jobs.job import Job


def settings_of(job: Job, root: Path, *, memory_bytes: int | None = None) -> EngineSettings:
    """Return what tesseract is started with for a job.

    Args:
        job: Its paths are resolved and checked here, because tesseract goes on without a file that is missing.
        root: The top of the workspace, which the job's own paths are relative to.
        memory_bytes: How much address space tesseract may use.

    Raises:
        DocumentError: A path of the job leads nowhere, or out of the workspace.
    """
    return EngineSettings(
        languages=job.languages,
        page_segmentation=job.page_segmentation,
        engine_mode=job.engine_mode,
        tessdata_dir=job_path(root, job.tessdata_dir),
        user_words=job_path(root, job.user_words),
        user_patterns=job_path(root, job.user_patterns),
        variables=tuple(sorted(job.variables.items())),
        memory_bytes=memory_bytes,
    )


def options(settings: EngineSettings, **variables: str) -> list[str]:
    """Return tesseract's options, apart from the language.

    Results are asked for by variables: the configuration file `hocr`, which does the same, is missing from many
    tessdata folders, and tesseract then ends with 0 and writes nothing (OCRmyPDF#1567).

    Args:
        settings: Whose own variables come first.
        variables: Further ones.
    """
    arguments = ["--psm", str(settings.page_segmentation), "--oem", str(settings.engine_mode)]
    for option, path in (
        ("--tessdata-dir", settings.tessdata_dir),
        ("--user-words", settings.user_words),
        ("--user-patterns", settings.user_patterns),
    ):
        if path is not None:
            arguments += [option, str(path)]
    for name, value in (*settings.variables, ("tessedit_create_hocr", "1"), *variables.items()):
        arguments += ["-c", f"{name}={value}"]
    return arguments


@contextmanager
def readable_name(file: Path) -> Iterator[str]:
    """Spell a file so that it can stand in a list of files, one a line, and in hOCR, which is UTF-8.

    tesseract copies the name of the file into its answer, and the folder of a run may have any name.
    """
    name = str(file)
    if name.isprintable():
        yield name
        return
    with file.open("rb") as stream:
        yield f"/proc/{os.getpid()}/fd/{stream.fileno()}"


def job_path(root: Path, value: str | None) -> Path | None:
    """Resolve a path of a job, which tesseract would ignore or read from elsewhere if it were wrong.

    Raises:
        DocumentError: It leads nowhere, or out of the workspace.
    """
    if value is None:
        return None
    top = root.resolve()
    path = (top / value).resolve()
    if not path.is_relative_to(top):
        raise DocumentError(f'the job\'s path "{value}" leads out of the repository')
    if not path.exists():
        raise DocumentError(f'the job\'s path "{value}" is not in the repository')
    return path
