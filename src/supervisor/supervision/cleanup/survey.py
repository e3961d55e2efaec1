"""Looking at a runs directory before anything in it is removed; nothing is made or changed."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.engine import Engine

from supervisor.artifacts.layout import RunsDirectory
from supervisor.git.inspection import WorkspaceState
from supervisor.git.repository import Repository
from supervisor.git.workspaces import WorkspaceManager
from supervisor.locks.lease import lease_file
from supervisor.locks.runlock import ExecutorLockManager
from supervisor.model.cleanup import ArtifactFacts, Facts, Policy, Rest, TrashFacts, WorkspaceFacts
from supervisor.model.run_ids import RunIdError, check_run_id
from supervisor.store.endings import OnRecord, on_record
from supervisor.store.engine import transaction

_ENDED = "its run ended"
_TIDYING = timedelta(hours=1)  # the manifest is written after the end


@dataclass(frozen=True)
class Surveyor:
    """Looks at what one repository has in one runs directory.

    Attributes:
        engine: Of the control database; None where there is none.
    """

    repository: Repository
    runs_directory: RunsDirectory
    workspaces: WorkspaceManager
    run_locks: ExecutorLockManager
    engine: Engine | None

    def facts(self, policy: Policy) -> Facts:
        """Return all that a policy asks about."""
        records = self._records(None)
        states = self.workspaces.inspect_all()
        run_ids, unknown = self._folders() if policy.artifacts else ([], [])
        found = (self._artifacts(run_id, records, locked=self.lock_reason(run_id)) for run_id in run_ids)
        saved = self.repository.saved_workspaces() if policy.trash else []
        return Facts(
            workspaces=[self._workspace(one, records, policy, locked=self.lock_reason(one.run_id)) for one in states],
            artifacts=[one for one in found if one is not None],
            trash=[TrashFacts(one.ref, one.commit, one.saved_at) for one in saved],
            unknown=unknown,
        )

    def workspace(self, run_id: str, policy: Policy) -> WorkspaceFacts | None:
        """Look at one workspace whose locks the caller holds; None if it is gone."""
        state = self.workspaces.inspect(run_id)
        return None if state is None else self._workspace(state, self._records(run_id), policy, locked=None)

    def artifacts(self, run_id: str) -> ArtifactFacts | None:
        """Look at the folder of one run whose locks the caller holds; None if it is gone."""
        return self._artifacts(run_id, self._records(run_id), locked=None)

    def is_active(self, run_id: str) -> bool:
        """Tell whether a run is queued or running."""
        record = self._records(run_id).get(run_id)
        return record is not None and record.active is not None

    def lock_reason(self, run_id: str) -> str | None:
        """Return who holds the run lock or the lease of a run; None if nobody does."""
        if not _is_run_id(run_id):
            return None
        root = self.runs_directory.root
        for lock in (self.run_locks.file(run_id), lease_file(root, self.workspaces.path(run_id))):
            state = lock.state()
            if state.held:
                return lock.held_error(state.holder).message
        return None

    def _records(self, run_id: str | None) -> Mapping[str, OnRecord]:
        if self.engine is None:
            return {}
        with transaction(self.engine) as connection:
            return on_record(connection, run_id)

    def _workspace(
        self,
        state: WorkspaceState,
        records: Mapping[str, OnRecord],
        policy: Policy,
        *,
        locked: str | None,
    ) -> WorkspaceFacts:
        record = records.get(state.run_id)
        in_use = locked or _active(record)
        if not _is_run_id(state.run_id):
            in_use = "its name is no run id, so it is not ours"
        elif not self.workspaces.is_there:
            in_use = f"{self.workspaces.directory} is not there; is its disk mounted?"
        rest = Rest(state.made_at, "it was made")
        if record is not None and record.ended_at is not None:
            rest = Rest(record.ended_at, _ENDED)
        obstacles = self.workspaces.obstacles(state) if state.work and policy.force else ()
        return WorkspaceFacts(state.run_id, state.path, in_use, rest, state.work, obstacles, state.size_bytes)

    def _folders(self) -> tuple[list[str], list[Path]]:
        """Return the run ids that have a folder, and what in the runs directory is not ours."""
        runs, unknown = [], []
        root = self.runs_directory.root
        for path in sorted(root.iterdir()) if root.is_dir() else []:
            if path.is_dir() and not path.is_symlink() and _is_run_id(path.name):
                runs.append(path.name)
            elif not self.runs_directory.is_common(path.name):
                unknown.append(path)
        return runs, unknown

    def _artifacts(self, run_id: str, records: Mapping[str, OnRecord], *, locked: str | None) -> ArtifactFacts | None:
        folder, record = self.runs_directory.run(run_id), records.get(run_id)
        try:
            paths = sorted(folder.root.iterdir())
        except FileNotFoundError:
            return None  # somebody else has removed it
        in_use = locked or _active(record)
        if in_use is None and record is not None and not record.settled:
            in_use = "the next supervisor has to tidy up after it first"
        ours = tuple(path for path in paths if folder.is_ours(path.name) and not path.is_symlink())
        rest = None
        if record is not None and record.ended_at is not None:
            # Where several machines share a database, it may have ended on another one, and been here since.
            changed = max(_changed_at(path) for path in (folder.manifest, folder.trace))
            is_later = changed > record.ended_at + _TIDYING
            rest = Rest(changed, "it was written to") if is_later else Rest(record.ended_at, _ENDED)
        size_bytes = sum(_sizes(ours))
        others = tuple(path for path in paths if path not in ours)
        return ArtifactFacts(run_id, folder.root, in_use, rest, ours, others, size_bytes)


def _active(record: OnRecord | None) -> str | None:
    return f"its run is {record.active}" if record is not None and record.active is not None else None


def _is_run_id(name: str) -> bool:
    try:
        check_run_id(name)
    except RunIdError:
        return False
    return True


def _changed_at(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    except FileNotFoundError:
        return datetime.min.replace(tzinfo=UTC)


def _sizes(paths: tuple[Path, ...]) -> Iterator[int]:
    """Yield the sizes of all files below, following no symbolic link; what vanishes meanwhile counts as nothing."""
    for path in paths:
        files = [path] if not path.is_dir() else (Path(top, name) for top, _, names in os.walk(path) for name in names)
        for file in files:
            with suppress(OSError):
                yield file.lstat().st_size
