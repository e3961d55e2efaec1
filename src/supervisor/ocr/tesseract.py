"""The tesseract of this machine: is it there, is it recent enough, does it have the languages."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from supervisor.ocr.errors import LanguageMissingError, TesseractMissingError, TesseractTooOldError
from supervisor.ocr.job import Job

MINIMUM_VERSION = (4, 1)
_ANSWER_SECONDS = 30
# Segmentation modes 1 and 12 detect orientation and script, with data of their own.
_DETECTING_SEGMENTATIONS = frozenset({1, 12})


def probe_tesseract() -> str:
    """Return the version of tesseract, such as "5.3.0".

    Raises:
        TesseractMissingError: There is none, or it does not answer.
        TesseractTooOldError: It is older than `MINIMUM_VERSION`.
    """
    answer = _ask("--version")
    match = re.search(r"tesseract v?((\d+)\.(\d+)\S*)", answer)
    if match is None:
        raise TesseractMissingError("tesseract does not tell its version", hint="tesseract --version")
    if (int(match[2]), int(match[3])) < MINIMUM_VERSION:
        wanted = ".".join(map(str, MINIMUM_VERSION))
        raise TesseractTooOldError(f"tesseract {match[1]} is too old; {wanted} or newer is needed")
    return match[1]


def check_languages(jobs: Iterable[Job], *, root: Path | None = None) -> None:
    """Check that tesseract works and has every language that the jobs ask for.

    Args:
        jobs: Of all runs that are about to start.
        root: The workspace, for jobs with a `tessdata_dir`; None leaves those jobs out.

    Raises:
        TesseractMissingError: There is no tesseract.
        TesseractTooOldError: It is too old.
        LanguageMissingError: Names the language, and the package to install.
    """
    probe_tesseract()
    installed: dict[str | None, frozenset[str]] = {}
    for job in jobs:
        if job.tessdata_dir is not None and root is None:
            continue
        if job.tessdata_dir not in installed:
            installed[job.tessdata_dir] = list_languages(root / job.tessdata_dir if root and job.tessdata_dir else None)
        wanted = (*job.languages, "osd") if job.page_segmentation in _DETECTING_SEGMENTATIONS else job.languages
        for language in wanted:
            if language not in installed[job.tessdata_dir]:
                raise _missing(language, job)


def list_languages(tessdata_dir: Path | None = None) -> frozenset[str]:
    """Return the languages installed on this machine, or those in a folder."""
    folder = [] if tessdata_dir is None else ["--tessdata-dir", str(tessdata_dir)]
    lines = _ask("--list-langs", *folder).splitlines()
    return frozenset(line.strip() for line in lines if not line.startswith("List of available languages"))


def _missing(language: str, job: Job) -> LanguageMissingError:
    if job.tessdata_dir is not None:
        return LanguageMissingError(
            f'job "{job.name}": {job.tessdata_dir} has no data for the language "{language}"',
            hint=f"add {language}.traineddata to {job.tessdata_dir}",
        )
    package = f"tesseract-ocr-{language.removeprefix('script/').replace('_', '-').lower()}"
    if language.startswith("script/"):
        package = package.replace("tesseract-ocr-", "tesseract-ocr-script-", 1)
    return LanguageMissingError(
        f'job "{job.name}": tesseract has no data for the language "{language}"',
        hint=f"apt-get install {package}",
    )


def _ask(*arguments: str) -> str:
    try:
        answer = subprocess.run(
            ["tesseract", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TesseractMissingError(
            f"tesseract cannot be started: {error}", hint="apt-get install tesseract-ocr tesseract-ocr-eng"
        ) from error
    return answer.stdout.decode("utf-8", "replace")
