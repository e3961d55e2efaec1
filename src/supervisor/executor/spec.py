"""What a run has to do, resolved: stored with its row, sent to its executor."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from supervisor.errors import SurroundingsError
from supervisor.model.paths import path_text
from supervisor.ocr.jobs.job import Job


class SpecError(SurroundingsError):
    """What is stored for a run is not what this version of the program stores."""


@dataclass(frozen=True, kw_only=True)
class SpecPath:
    """A path in the repository.

    Attributes:
        path: In its text form, as in the database.
        raw: Its bytes as hexadecimal digits, where the text form is not simply their UTF-8.
    """

    path: str
    raw: str | None = None

    @classmethod
    def of(cls, path: bytes) -> "SpecPath":
        """Make the form that is stored of a path as git knows it."""
        text, raw = spelled(path)
        return cls(path=text, raw=raw)

    @property
    def path_bytes(self) -> bytes:
        """The path as git and the file system know it."""
        return self.path.encode() if self.raw is None else bytes.fromhex(self.raw)


@dataclass(frozen=True, kw_only=True)
class SpecDocument(SpecPath):
    """A document of a run.

    Attributes:
        blob_sha: What git knows the content by.
        job: Name of the job that it belongs to.
    """

    blob_sha: str
    job: str


def spelled(path: bytes) -> tuple[str, str | None]:
    """Return the text form of a path and, where that is not simply its UTF-8, its bytes as hexadecimal digits."""
    text = path_text(path)
    return text, None if text.encode() == path else path.hex()


@dataclass(frozen=True)
class RunSpec:
    """The resolved jobs and documents of a run, and the files beside the documents that must be checked out."""

    job_files: Sequence[str]
    jobs: Sequence[Job]
    documents: Sequence[SpecDocument]
    support_files: Sequence[SpecPath]

    def to_json(self) -> dict[str, object]:
        """Return the form that is stored."""
        spec: dict[str, object] = _ADAPTER.dump_python(self, mode="json")
        return spec

    @classmethod
    def from_json(cls, spec: Mapping[str, object]) -> "RunSpec":
        """Read the form that is stored.

        Raises:
            SpecError: It is not one.
        """
        try:
            found = _ADAPTER.validate_json(json.dumps(spec))
            found.checkout_paths()  # hexadecimal digits can be wrong, too
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise _unreadable(": ".join([*map(str, first["loc"]), first["msg"]])) from error
        except ValueError as error:
            raise _unreadable(str(error)) from error
        unknown = {document.job for document in found.documents} - {job.name for job in found.jobs}
        if unknown:
            raise _unreadable(f"there is no job {min(unknown)!r}")
        return found

    def checkout_paths(self) -> list[bytes]:
        """Return what the workspace must contain: documents, job files, and what these name."""
        files = [file.path_bytes for file in (*self.documents, *self.support_files)]
        return files + [path.encode() for path in self.job_files]

    def job(self, name: str) -> Job:
        """Return a job by its name."""
        return next(job for job in self.jobs if job.name == name)


def _unreadable(reason: str) -> SpecError:
    return SpecError(
        f"its spec cannot be read ({reason})", hint="another version or program has written it: queue the run again"
    )


_ADAPTER = TypeAdapter(RunSpec)
