"""Job files: from the bytes that are committed to jobs, or to one line that says what to mend."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from supervisor.ocr.characters import one_line
from supervisor.ocr.errors import JobFileError
from supervisor.ocr.jobs.job import CHOICES, VARIABLES, Job, UnknownVariableError

_FILE_KEYS = ("version", "jobs")
_TYPE_PHRASES = {
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "tuple_type": 'must be a list, such as ["…"]',
    "dict_type": "must be a table, such as { name = 1 }",
}


@dataclass(frozen=True)
class JobFile:
    """What one job file asks for.

    Attributes:
        path: Where it lies in the repository.
        jobs: At least one, with different names.
    """

    path: str
    jobs: tuple[Job, ...]


def parse_job_file(content: bytes, path: str) -> JobFile:
    """Read a job file.

    Raises:
        JobFileError: With one line naming file, job and key.
    """
    table = _read_toml(content, path)
    for key in table:
        if key not in _FILE_KEYS:
            raise JobFileError(f"{path}: unknown key {_quoted(key)}{_nearest(key, _FILE_KEYS)}")
    version = table.get("version")
    if version is None:
        raise JobFileError(f'{path}: "version" is missing: write version = 1 at the top')
    if version != 1 or isinstance(version, bool):
        raise JobFileError(f'{path}: "version" must be 1')
    entries = table.get("jobs", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise JobFileError(f'{path}: "jobs" must be tables, each beginning with a line [[jobs]]')
    if not entries:
        raise JobFileError(f"{path}: no job in it: begin one with a line [[jobs]]")
    jobs = tuple(_read_job(entry, f"{path}: {_job_label(entry, number)}") for number, entry in enumerate(entries, 1))
    names = [job.name for job in jobs]
    for number, name in enumerate(names, 1):
        if name in names[: number - 1]:
            raise JobFileError(
                f'{path}: job #{number}: "name" {_quoted(name)} is taken by job #{names.index(name) + 1}'
            )
    return JobFile(path, jobs)


def _read_toml(content: bytes, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise JobFileError(f"{path}: line {line} is not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise JobFileError(f"{path}: not valid TOML: {one_line(str(error))}") from error
    except RecursionError as error:
        raise JobFileError(f"{path}: not valid TOML: nested too deeply") from error


def _read_job(entry: Mapping[str, Any], label: str) -> Job:
    try:
        return Job.model_validate(entry)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        # An unknown key explains a missing one ("document" for "documents"), not the other way round.
        first = min(details, key=lambda detail: detail["type"] != "extra_forbidden")
        raise JobFileError(f"{label}: {_phrase(first)}") from error


def _job_label(entry: Mapping[str, Any], number: int) -> str:
    name = entry.get("name")
    return f"job {_quoted(name)}" if isinstance(name, str) and name.strip() else f"job #{number}"


def _phrase(detail: ErrorDetails) -> str:
    location = [part for part in detail["loc"] if isinstance(part, str)]
    key = ".".join(one_line(part) for part in location if part != "function-after")
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return f'unknown key "{key}"{_nearest(key, Job.model_fields)}'
        case "missing":
            return f'"{key}" is missing'
        case "literal_error":
            return f'"{key}" must be one of {_choices(detail["loc"])}'
        case "value_error" if isinstance(context["error"], UnknownVariableError):
            name = context["error"].name
            return f'"variables" holds {_quoted(name)}, which is not allowed{_nearest(name, sorted(VARIABLES))}'
        case "value_error":
            return f'"{key}" {one_line(str(context["error"]))}'
        case kind:
            return f'"{key}" {_TYPE_PHRASES.get(kind) or one_line(detail["msg"])}'


def _choices(location: Sequence[int | str]) -> str:
    (name, *_) = (part for part in location if isinstance(part, str))
    return ", ".join(CHOICES[name])


def _nearest(key: str, known: Iterable[str]) -> str:
    matches = difflib.get_close_matches(key.lower(), list(known), n=1)
    return f' (did you mean "{matches[0]}"?)' if matches else ""


def _quoted(text: str) -> str:
    return f'"{one_line(text)}"'
