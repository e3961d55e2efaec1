"""What a run has to do, resolved: stored with its row, sent to its executor."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from supervisor.ocr.job import Job


@dataclass(frozen=True)
class SpecDocument:
    """A document of a run.

    Attributes:
        path: In its text form, as in the database.
        raw: The path's bytes as hexadecimal digits, where the text form is not simply their UTF-8.
        blob_sha: What git knows the content by.
        job: Name of the job that it belongs to.
    """

    path: str
    blob_sha: str
    job: str
    raw: str | None = None

    @property
    def path_bytes(self) -> bytes:
        """The path as git and the file system know it."""
        return self.path.encode() if self.raw is None else bytes.fromhex(self.raw)


@dataclass(frozen=True)
class RunSpec:
    """The resolved jobs and documents of a run, and the files beside the documents that must be checked out."""

    job_files: Sequence[str]
    jobs: Sequence[Job]
    documents: Sequence[SpecDocument]
    support_files: Sequence[str]

    def to_json(self) -> dict[str, object]:
        """Return the form that is stored."""
        spec: dict[str, object] = _ADAPTER.dump_python(self, mode="json")
        return spec

    @classmethod
    def from_json(cls, spec: Mapping[str, object]) -> "RunSpec":
        """Read the form that is stored.

        Raises:
            pydantic.ValidationError: It is not one.
        """
        return _ADAPTER.validate_json(json.dumps(spec))

    def checkout_paths(self) -> list[bytes]:
        """Return what the workspace must contain: documents, job files, and what these name."""
        return [document.path_bytes for document in self.documents] + [
            path.encode() for path in (*self.job_files, *self.support_files)
        ]

    def job(self, name: str) -> Job:
        """Return a job by its name."""
        return next(job for job in self.jobs if job.name == name)


_ADAPTER = TypeAdapter(RunSpec)
