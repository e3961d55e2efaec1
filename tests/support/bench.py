"""A supervisor in this process, for tests of the single steps that it takes."""

from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from supervisor.artifacts.layout import RunDirectory
from supervisor.board.progress import RunProgress
from supervisor.executor.spec import RunSpec
from supervisor.model.states import RunStatus
from supervisor.ocr.jobs.job import Job
from supervisor.store import runs, sessions
from supervisor.store.engine import transaction
from supervisor.store.events import Event, history
from supervisor.store.moments import database_now
from supervisor.store.runs import NewRun, RunRow
from supervisor.store.tables import runs as table
from supervisor.store.tables import workers
from supervisor.supervision.assignment import Assignment
from supervisor.supervision.claim import Claimant
from supervisor.supervision.workshop import Workshop

DEAD: dict[str, Any] = {"pid": 2**22 + 1}
"""Like one that died here: Linux gives no such number."""
ELSEWHERE: dict[str, Any] = {"boot_id": "other", "machine_id": "other", "host": "shelf", "pid": 7}
SPEC = RunSpec(["ocr-jobs/a.toml"], [Job(name="books", documents=("**",))], [], [])


@dataclass
class Bench:
    """A supervisor in this process, with all it needs but a loop.

    Attributes:
        said: What it had people told.
        shown: What its observer saw.
    """

    shop: Workshop
    until_the_end: ExitStack
    said: list[str]
    shown: list[RunProgress]

    @property
    def workers(self) -> list[str]:
        return [f"{self.shop.me.id}-{number}" for number in (1, 2)]

    def add_session(self, session_id: str) -> None:
        with transaction(self.shop.engine) as connection:
            sessions.add(connection, session_id, "night", at=database_now(connection, self.shop.clock))

    def add(self, run_id: str, *, session_id: str = "s", **others: Any) -> int:
        """Queue a run, in a session that is there."""
        commit = self.shop.repository.resolve("HEAD")
        common = {"spec": SPEC.to_json(), "repository": "repo", "requested_by": "anna", "served_by": None}
        new = NewRun(run_id=run_id, session_id=session_id, commit_sha=commit, **{**common, **others})
        with transaction(self.shop.engine) as connection:
            return runs.add(connection, new, at=database_now(connection, self.shop.clock))

    def claim(self, worker: int = 0) -> Assignment:
        """Claim the next run in the queue, with its locks, and make its directory."""
        claimed = Claimant(self.shop).claim(self.workers[worker])
        assert claimed is not None, self.said
        row, lock, lease = claimed
        assignment = Assignment(
            self.workers[worker], row, lock, lease, Future(), RunProgress(row.run_id, row.status, "claimed", 0)
        )
        self.until_the_end.callback(assignment.release)
        self.directory_of(row).root.mkdir(parents=True, exist_ok=True)
        return assignment

    def directory_of(self, row: RunRow) -> RunDirectory:
        return self.shop.runs_directory.run(row.run_id)

    def stage(self, row: RunRow, text: str) -> None:
        """Write what an executor of this term would."""
        staged = self.directory_of(row).staging(row.lease_term) / "output"
        staged.mkdir(parents=True)
        (staged / "a.tiff.txt").write_text(text)

    def output(self, row: RunRow) -> str | None:
        published = self.directory_of(row).output / "a.tiff.txt"
        return published.read_text() if published.exists() else None

    def row(self, run: int) -> RunRow:
        with transaction(self.shop.engine) as connection:
            return runs.get(connection, run)

    def events(self, run: int) -> list[Event]:
        with transaction(self.shop.engine) as connection:
            return history(connection, run)

    def session(self, session_id: str = "s") -> str:
        with transaction(self.shop.engine) as connection:
            return sessions.get(connection, session_id).status

    def worker(self, number: int = 0) -> tuple[str, int | None]:
        """Return the status and the run of a worker."""
        with transaction(self.shop.engine) as connection:
            query = sa.select(workers.c.status, workers.c.current_run).where(workers.c.id == self.workers[number])
            return tuple(connection.execute(query).one())

    def requeue(self, row: RunRow, **values: object) -> None:
        """Take a run from its holder, as a rescuer elsewhere does."""
        with transaction(self.shop.engine) as connection:
            at = database_now(connection, self.shop.clock)
            assert runs.transition(
                connection, row, RunStatus.QUEUED, at=at, actor="elsewhere", event="rescued", values=values
            )

    def make_due(self, run: int) -> None:
        """Let the time come at which a run may be claimed again."""
        with transaction(self.shop.engine) as connection:
            connection.execute(sa.update(table).where(table.c.id == run).values(available_at=table.c.created_at))

    def abandon(self, run_id: str = "a", **others: Any) -> RunRow:
        """Claim a new run, and let nothing of it be left but what is on record."""
        self.add(run_id, **others)
        assignment = self.claim()
        assignment.release()
        return self.row(assignment.row.id)

    def set(self, run: int, **values: object) -> None:
        """Let a row be as it is not by itself."""
        with transaction(self.shop.engine) as connection:
            connection.execute(sa.update(table).where(table.c.id == run).values(values))

    def progress(self, run_id: str) -> RunProgress:
        return RunProgress(run_id, RunStatus.QUEUED, "queued", documents=1)

    def silence(self, run: int, *, seconds: float = 3600) -> None:
        """Let the last beat of a run be so long ago."""
        with transaction(self.shop.engine) as connection:
            then = database_now(connection, self.shop.clock) - timedelta(seconds=seconds)
            connection.execute(sa.update(table).where(table.c.id == run).values(heartbeat_at=then))
