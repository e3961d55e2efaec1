"""Why a page has to be recognised: what a run's documents were when it last looked at them.

It stands in the cache directory, since the work tree is swept clean between the nights of a CI.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from supervisor.ocr.cache.files import HISTORIES, opened_folder, read_file, write_file
from supervisor.ocr.cache.keys import JobKeys

Because = Literal[
    "new",
    "changed",
    "failed before",
    "other settings",
    "other language data",
    "another version",
    "no longer in the cache",
]
_FORMAT = 1
_LIMIT_BYTES = 256 * 1024 * 1024  # a million documents take a tenth of it
_log = logging.getLogger(__name__)


class History:
    """What one run of one repository has looked at; `why` tells about the attempt before this one."""

    def __init__(self, directory: Path, name: str, before: Mapping[str, tuple[str, tuple[str, ...], bool]]) -> None:
        self._directory = directory
        self._name = name
        self._before = before
        self._now: dict[str, tuple[str, tuple[str, ...], bool]] = {}

    @classmethod
    def load(cls, directory: Path, repository: str, run_id: str) -> Self:
        """Read what is known; without a readable file that is nothing.

        Args:
            directory: Of the cache.
            repository: What it is known by.
            run_id: The run in it.
        """
        name = hashlib.sha256(f"{repository}\n{run_id}".encode(errors="surrogateescape")).hexdigest() + ".json"
        return cls(directory, name, _read(directory, name))

    def why(self, path: str, content: str, keys: JobKeys) -> Because:
        """Return why a page of this document could not be had from the cache.

        Args:
            path: Of the document, in the repository.
            content: What identifies its bytes, as for `JobKeys.document`.
            keys: Of its job.
        """
        known = self._before.get(path)
        if known is None:
            return "new"
        content_before, digests, has_failed = known
        if content_before != content:
            return "changed"
        settings, language_data, versions = digests
        if settings != keys.settings:
            return "other settings"
        if language_data != keys.language_data:
            return "other language data"
        if versions != keys.versions:
            return "another version"
        return "failed before" if has_failed else "no longer in the cache"

    def record(self, path: str, content: str, keys: JobKeys, *, has_failed: bool = False) -> None:
        """Note that this attempt is done with a document.

        Args:
            path: As in `why`, and so are the next two.
            content: See there.
            keys: See there.
            has_failed: Whether a page of it failed, and so is not in the cache.
        """
        self._now[path] = (content, (keys.settings, keys.language_data, keys.versions), has_failed)

    def save(self, *, is_whole: bool) -> None:
        """Write what is known now, in place of what was.

        Args:
            is_whole: Whether the attempt was through with all of the run's documents: others are forgotten then.
        """
        documents = self._now if is_whole else {**self._before, **self._now}
        jobs = {digests: number for number, digests in enumerate(sorted({one[1] for one in documents.values()}))}
        content = json.dumps(
            {
                "format": _FORMAT,
                "jobs": list(jobs),
                "documents": {
                    path: [content, jobs[digests], has_failed]
                    for path, (content, digests, has_failed) in documents.items()
                },
            },
            separators=(",", ":"),
        )
        try:
            write_file(self._directory, (HISTORIES,), self._name, content.encode())
        except OSError as error:
            _log.warning("what was recognised today cannot be noted in the page cache %s: %s", self._directory, error)


def _read(directory: Path, name: str) -> dict[str, tuple[str, tuple[str, ...], bool]]:
    try:
        with opened_folder(directory, HISTORIES) as folder:
            data = read_file(folder, name, limit_bytes=_LIMIT_BYTES)
    except OSError:
        # Nothing was noted yet, or the cache tells itself that it cannot be read.
        return {}
    return _parsed(data) if data is not None else {}


def _parsed(data: bytes) -> dict[str, tuple[str, tuple[str, ...], bool]]:
    """Return the documents of a file; none of one that is damaged, or of another format."""
    try:
        found = json.loads(data)
        if found["format"] != _FORMAT:
            return {}
        jobs = [
            (str(settings), str(language_data), str(versions)) for settings, language_data, versions in found["jobs"]
        ]
        return {
            path: (str(content), jobs[job], bool(has_failed))
            for path, (content, job, has_failed) in found["documents"].items()
        }
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}
