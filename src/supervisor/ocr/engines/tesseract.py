"""The tesseract of this machine: is it there, is it recent enough, does it have the languages."""

import functools
import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from supervisor.ocr.engines.arguments import job_path
from supervisor.ocr.engines.remembered import remembered
from supervisor.ocr.engines.traineddata import language_files
from supervisor.ocr.errors import LanguageMissingError, TesseractMissingError, TesseractTooOldError
from supervisor.ocr.jobs.job import Job

MINIMUM_VERSION = (4, 1)
_ANSWERS = ("version", "leptonica_version", "tessdata_dir")
_ANSWER_SECONDS = 30
_INSTALL = "apt-get install tesseract-ocr tesseract-ocr-eng"
# Segmentation modes 1 and 12 detect orientation and script, with data of their own.
_DETECTING_SEGMENTATIONS = frozenset({1, 12})
# Of a language that nobody has.
_NO_LANGUAGE = "no-such-language"
# Rewritten whenever a library is installed: tesseract's program file alone does not show that its libraries changed.
_LIBRARIES = Path("/etc/ld.so.cache")
_PROGRAM = b"\x7fELF"


@dataclass(frozen=True)
class Tesseract:
    """The tesseract that this machine and environment give.

    Attributes:
        version: Such as "5.3.0".
        leptonica_version: Such as "1.82.0".
        executable: What is found on PATH, links resolved.
        tessdata_dir: Where it looks for language data by itself.
    """

    version: str
    leptonica_version: str
    executable: Path
    tessdata_dir: Path

    @property
    def release(self) -> tuple[int, int]:
        """Return the first two numbers of the version."""
        return _release(self.version)

    @property
    def languages(self) -> frozenset[str]:
        """Return the languages that are installed at this moment."""
        return list_languages(self.tessdata_dir)


def probe_tesseract(state_dir: Path | None = None) -> Tesseract:
    """Find out which tesseract this is, or remember it.

    Args:
        state_dir: A folder of this user on this machine, where the answer is kept until tesseract, its libraries or
            the environment change; programs that ask at once start one tesseract altogether. None asks anew, and so
            does a script in tesseract's place: what it starts can change while it stays as it is.

    Raises:
        TesseractMissingError: There is none, or it does not answer.
        TesseractTooOldError: It is older than `MINIMUM_VERSION`.
    """
    found = shutil.which("tesseract")
    if found is None:
        raise TesseractMissingError("tesseract cannot be started: it is not on PATH", hint=_INSTALL)
    executable = Path(found).resolve()
    answer: Mapping[str, str]
    if state_dir is None or not _is_program(executable):
        answer = _ask_for_all()
    else:
        answer = remembered(state_dir / "tesseract.json", _surroundings(executable), _ANSWERS, _ask_for_all)
    return Tesseract(answer["version"], answer["leptonica_version"], executable, Path(answer["tessdata_dir"]))


def check_languages(jobs: Iterable[Job], *, root: Path | None = None, state_dir: Path | None = None) -> Tesseract:
    """Check that tesseract works and has every language that the jobs ask for, and return it.

    Args:
        jobs: Of all runs that are about to start.
        root: The workspace, for jobs with a `tessdata_dir`; None leaves those jobs out.
        state_dir: As for `probe_tesseract`.

    Raises:
        TesseractMissingError: There is no tesseract.
        TesseractTooOldError: It is too old.
        LanguageMissingError: Names the language, and the package to install.
    """
    tesseract = probe_tesseract(state_dir)
    for job in jobs:
        if job.tessdata_dir is not None and root is None:
            continue
        installed = list_languages(root / job.tessdata_dir) if root and job.tessdata_dir else tesseract.languages
        for language in needed_languages(job):
            if language not in installed:
                raise _missing(language, job)
    return tesseract


def needed_languages(job: Job) -> tuple[str, ...]:
    """Return the language data that a job needs: its languages, and those that tell which way up a page is."""
    detects = job.page_segmentation in _DETECTING_SEGMENTATIONS or job.rotate == "auto"
    return (*job.languages, "osd") if detects and "osd" not in job.languages else job.languages


def list_languages(tessdata_dir: Path) -> frozenset[str]:
    """Return the languages in a folder, as tesseract lists them."""
    files = tessdata_dir.rglob("*.traineddata")
    return frozenset(str(file.relative_to(tessdata_dir).with_suffix("")) for file in files)


def language_data(job: Job, root: Path, tesseract: Tesseract) -> Mapping[str, str]:
    """Return the SHA-256 of everything apart from the program that a job's text depends on, by name.

    Args:
        job: Its languages, `osd` if needed, what those require in turn, and the words and patterns of the user.
        root: The top of the workspace, which the job's own paths are relative to.
        tesseract: For its folder of language data.

    Raises:
        DocumentError: A path of the job leads nowhere, or out of the workspace.
        LanguageMissingError: The data of a language cannot be read.
    """
    folder = job_path(root, job.tessdata_dir) or tesseract.tessdata_dir
    hashes = {}
    for language in needed_languages(job):
        try:
            for name, file in language_files([language], folder).items():
                hashes[f"{name}.traineddata"] = _sha256(file)
        except OSError as error:
            raise _missing(language, job) from error
    for name, value in (("user_words", job.user_words), ("user_patterns", job.user_patterns)):
        own = job_path(root, value)
        if own is not None:
            hashes[name] = _sha256(own)
    return hashes


def _is_program(executable: Path) -> bool:
    try:
        with executable.open("rb") as stream:
            return stream.read(len(_PROGRAM)) == _PROGRAM
    except OSError:  # such as one that may be executed, and not read
        return False


def _surroundings(executable: Path) -> dict[str, object]:
    """Return what would be different if another tesseract answered."""
    return {
        "executable": [str(executable), *_stamp(executable)],
        "libraries": _stamp(_LIBRARIES),
        **{name: os.environ.get(name) for name in ("TESSDATA_PREFIX", "LD_LIBRARY_PATH", "LD_PRELOAD")},
    }


def _stamp(file: Path) -> list[int]:
    try:
        status = file.stat()
    except OSError:
        return []
    return [status.st_ino, status.st_size, status.st_mtime_ns]


def _sha256(file: Path) -> str:
    status = file.stat()
    return _hashed(file, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _hashed(file: Path, _size_bytes: int, _mtime_ns: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def language_package(language: str) -> str:
    """Return the package of Debian and Ubuntu that has the data of a language."""
    package = f"tesseract-ocr-{language.removeprefix('script/').replace('_', '-').lower()}"
    return package.replace("tesseract-ocr-", "tesseract-ocr-script-", 1) if language.startswith("script/") else package


def _missing(language: str, job: Job) -> LanguageMissingError:
    if job.tessdata_dir is not None:
        return LanguageMissingError(
            f'job "{job.name}": {job.tessdata_dir} has no data for the language "{language}"',
            hint=f"add {language}.traineddata to {job.tessdata_dir}",
        )
    return LanguageMissingError(
        f'job "{job.name}": tesseract has no data for the language "{language}"',
        hint=f"apt-get install {language_package(language)}",
    )


def _ask_for_all() -> dict[str, str]:
    _, answer = ask_tesseract("--version")
    match = re.search(r"tesseract v?(\d+\.\d+\S*)", answer)
    if match is None:
        raise TesseractMissingError("tesseract does not tell its version", hint="tesseract --version")
    if _release(match[1]) < MINIMUM_VERSION:
        wanted = ".".join(map(str, MINIMUM_VERSION))
        raise TesseractTooOldError(f"tesseract {match[1]} is too old; {wanted} or newer is needed")
    leptonica = re.search(r"leptonica-(\S+)", answer)
    # Every version names the file that it misses; --list-langs tells the folder only from 5.0 on.
    _, complaint = ask_tesseract("-", "-", "-l", _NO_LANGUAGE)
    folder = re.search(rf"Error opening data file (.*){_NO_LANGUAGE}\.traineddata", complaint)
    if folder is None:
        raise TesseractMissingError(
            "tesseract does not tell where its language data lie", hint="set TESSDATA_PREFIX to that folder"
        )
    return {
        "version": match[1],
        "leptonica_version": leptonica[1] if leptonica else "",
        "tessdata_dir": folder[1] or ".",
    }


def _release(version: str) -> tuple[int, int]:
    match = re.match(r"(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def ask_tesseract(*arguments: str, stdin: bytes = b"") -> tuple[int, str]:
    """Start tesseract with these arguments, and return its exit status, negative for a signal, and all that it says.

    Args:
        arguments: Of its command line.
        stdin: What it reads there.

    Raises:
        TesseractMissingError: It cannot be started, or does not end in time.
    """
    command = ["tesseract", *arguments]
    try:
        # In a group of its own, for what it starts itself where it is a script.
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    except OSError as error:
        raise TesseractMissingError(f"tesseract cannot be started: {error}", hint=_INSTALL) from error
    with process:
        try:
            answer, _ = process.communicate(stdin, timeout=_ANSWER_SECONDS)
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)
            shown = shlex.join(command)
            raise TesseractMissingError(f"tesseract has not answered for {_ANSWER_SECONDS} s", hint=shown) from error
    return process.returncode, answer.decode("utf-8", "surrogateescape")
