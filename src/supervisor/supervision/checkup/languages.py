"""The data that pages are recognised with: is there what the committed job files ask for, and can it be loaded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from supervisor.board.progress import counted
from supervisor.errors import UsageError
from supervisor.git.repository import Repository
from supervisor.ocr.engines.loading import why_not_loaded
from supervisor.ocr.engines.tesseract import Tesseract, language_package, needed_languages, probe_tesseract
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.jobs.jobfile import parse_job_file
from supervisor.supervision.checkup.findings import Finding, Level, Surroundings
from supervisor.supervision.planning.jobfiles import job_files_in

_NAME = "languages"
_LANGUAGES_SHOWN = 12
_OSD = "osd"
_FOLDER_VARIABLE = "TESSDATA_PREFIX"
# What `supervisor try` and a job that names no language use.
_DEFAULT = Job(name="default", documents=("*",))


@dataclass(frozen=True)
class _Wanted:
    """Language data that something needs."""

    language: str
    engine_mode: int
    by: str


def check_languages(surroundings: Surroundings) -> Finding:
    """Tell which languages there are, and whether those that job files ask for can be used."""
    tesseract = probe_tesseract()
    installed = sorted(tesseract.languages)
    facts = {"installed": installed}
    wanted = list(_wanted_by_jobs(surroundings.files.repository)) if surroundings.in_repository else []
    wanted = wanted or [_Wanted(one, _DEFAULT.engine_mode, "by default") for one in needed_languages(_DEFAULT)]
    lacking = list(_lacking(tesseract, wanted))
    if lacking:
        first, *others = (f"{one.language} (wanted {one.by}) {why}" for one, why in lacking)
        hint = _remedy(surroundings, tesseract, [one.language for one, _ in lacking])
        return Finding(Level.ERROR, _NAME, first, hint, tuple(others), facts)
    many = len(installed) > _LANGUAGES_SHOWN
    shown = counted(len(installed), "language") if many else ", ".join(installed)
    if _OSD not in installed:
        message = f'{shown}; no {_OSD}, which jobs with rotate = "auto" need'
        return Finding(Level.WARNING, _NAME, message, _remedy(surroundings, tesseract, [_OSD]), facts=facts)
    return Finding(Level.OK, _NAME, shown, facts=facts)


def _wanted_by_jobs(repository: Repository) -> Iterator[_Wanted]:
    """Yield what the job files of HEAD need of tesseract's own data, each once; files that are wrong need nothing."""
    told: set[tuple[str, int]] = set()
    commit = repository.resolve("HEAD")
    for path, file in job_files_in(repository, commit).items():
        try:
            jobs = parse_job_file(repository.content(file.blob_sha), path).jobs
        except UsageError:
            # `supervisor jobs validate` says what is wrong.
            continue
        for job in jobs:
            for language in needed_languages(job) if job.tessdata_dir is None else ():
                if (language, job.engine_mode) not in told:
                    told.add((language, job.engine_mode))
                    yield _Wanted(language, job.engine_mode, f"by {path}")


def _lacking(tesseract: Tesseract, wanted: Sequence[_Wanted]) -> Iterator[tuple[_Wanted, str]]:
    """Yield what cannot be used, and why."""
    installed = tesseract.languages
    for one in wanted:
        if one.language not in installed:
            yield one, f"has no data in {tesseract.tessdata_dir}"
        elif why := why_not_loaded(one.language, one.engine_mode):
            yield one, f"cannot be loaded: {why}"


def _remedy(surroundings: Surroundings, tesseract: Tesseract, languages: Sequence[str]) -> str:
    """Return what brings language data, anew where they are there and broken."""
    names = list(dict.fromkeys(languages))
    if surroundings.environment.get(_FOLDER_VARIABLE):
        files = " and ".join(f"{name}.traineddata" for name in names)
        return f"put {files} into {tesseract.tessdata_dir}, or unset {_FOLDER_VARIABLE}"
    again = "--reinstall " if tesseract.languages.intersection(names) else ""
    return f"apt-get install {again}{' '.join(map(language_package, names))}"
