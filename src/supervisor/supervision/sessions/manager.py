"""Sessions in the hands of programs: made, started, paused, ended, and their file locks."""

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy.engine import Connection

from supervisor.errors import UsageError
from supervisor.model.run_ids import check_run_id
from supervisor.model.states import ENDED_SESSIONS, SessionStatus
from supervisor.model.titles import check_title
from supervisor.store import file_locks, sessions
from supervisor.store.engine import transaction
from supervisor.store.file_locks import FileLock
from supervisor.store.sessions import SessionRow
from supervisor.supervision.control import changes
from supervisor.supervision.place import Place
from supervisor.supervision.sessions.desk import SessionDesk, check_progress, find, refusal
from supervisor.supervision.sessions.lockable import AnyPath, lockable


class SessionManager:
    """Makes sessions, says how they go on, and keeps files of a repository for them.

    A session is named by what `create_session` or `list_sessions` returned, by its id or title, or the beginning of
    one of these. The database is opened by the first method that needs it and kept open until `close`, or the end of a
    `with` block: a manager can be kept, shared between threads, and used in forked processes.

    Example:
        with SessionManager("archive") as sessions:
            night = sessions.create_session("night")
            sessions.lock_files(night, ["scans/a.tiff"])
    """

    def __init__(
        self,
        repo: str | Path = ".",
        *,
        runs_dir: str | Path | None = None,
        repository_name: str | None = None,
        database_url: str | None = None,
        note: Callable[[str], None] | None = None,
    ) -> None:
        """Find the repository; nothing is created yet.

        Args:
            repo: A directory in it.
            runs_dir: Where runs are kept; see `config.runs_directory` for the default.
            repository_name: What the repository is known by; default is its first commit.
            database_url: Of the database that supervisors share; None for the file in the runs directory.
            note: Told, a line at a time, what else a person should know.

        Raises:
            UsageError: The directory is in no repository, or the URL cannot be used.
            SurroundingsError: Git is missing or too old, or refuses the repository.
        """
        place = Place.find(Path(repo), Path(runs_dir) if runs_dir else None, database_url)
        self._repository = place.repository
        self._desk = SessionDesk(place, repository_name, note or (lambda _line: None))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; a method that is called afterwards opens it again."""
        self._desk.control.close()

    def create_session(self, title: str, intent: str | None = None) -> SessionRow:
        """Make a session, which nothing is done for before it is started.

        Args:
            title: What it goes by.
            intent: What it is for, in your own words.

        Raises:
            UsageError: The title is empty or too long, or the runs directory cannot be used.
            DatabaseError: The database cannot be used; so can all other methods say.
        """
        check_title(title)
        session_id = uuid.uuid4().hex[:12]
        with transaction(self._desk.control.get()) as connection:
            sessions.prepare(connection, session_id, title, intent, at=self._desk.now(connection))
            return sessions.get(connection, session_id)

    def list_sessions(self, status: SessionStatus | str | None = None, limit: int | None = None) -> list[SessionRow]:
        """Return the sessions of the database, of whatever repository, the newest first.

        Args:
            status: Only those in this state.
            limit: How many at most.

        Raises:
            UsageError: There is no such state, or the limit is below 0.
        """
        if status is not None and status not in set(SessionStatus):
            raise UsageError(f"there is no state {status!r}", hint=f"one of {', '.join(SessionStatus)}")
        if limit is not None and limit < 0:
            raise UsageError(f"a limit of {limit} is not possible")
        if not self._desk.has_sessions:
            return []
        with transaction(self._desk.control.get()) as connection:
            return sessions.listed(connection, SessionStatus(status) if status else None, limit)

    def start_session(self, session: SessionRow | str) -> SessionRow:
        """Let a session run that was only made.

        Raises:
            UsageError: There is no such session, or it is in another state.
        """

        def start(connection: Connection, found: SessionRow, at: datetime) -> SessionRow:
            if not sessions.start(connection, found.id, at=at):
                raise refusal(found, "only one that is created can be started")
            return sessions.get(connection, found.id)

        return self._desk.change(session, start)

    def pause_session(self, session: SessionRow | str) -> SessionRow:
        """Let a session rest: runs that execute go back to the queue at the next page, and none begins.

        Its files stay locked. Returns at once; who executes a run needs a moment to see it.

        Raises:
            UsageError: There is no such session, or it is paused, or has ended.
        """
        possible = {SessionStatus.CREATED, SessionStatus.RUNNING}
        return self._desk.command(session, changes.pause, possible, "only one that is created or running can be paused")

    def resume_session(self, session: SessionRow | str) -> SessionRow:
        """Let a paused session go on, with all its runs; they are executed by whoever works in the repository.

        Raises:
            UsageError: There is no such session, or it is not paused.
        """
        return self._desk.command(
            session, changes.go_on, {SessionStatus.PAUSED}, "only one that is paused can be resumed"
        )

    def complete_session(self, session: SessionRow | str) -> SessionRow:
        """End a session well, and give its files free. One with runs does so by itself, when the last of them ends.

        Raises:
            UsageError: There is no such session, it has ended, or a run of it is queued or running.
        """

        def complete(connection: Connection, found: SessionRow, at: datetime) -> SessionRow:
            if sessions.has_others(connection, found.id, []):
                raise refusal(found, "a run of it is queued or running")
            if not sessions.end(connection, found.id, SessionStatus.COMPLETED, at=at):
                raise refusal(found, "it has ended before")
            return sessions.get(connection, found.id)

        return self._desk.change(session, complete)

    def cancel_session(self, session: SessionRow | str) -> SessionRow:
        """End a session before its time, with all its runs, and give its files free.

        Returns at once: a run that executes, and the session with the last of them, has ended when its supervisor has
        ended all that it started.

        Raises:
            UsageError: There is no such session, or it has ended.
        """
        possible = set(SessionStatus) - ENDED_SESSIONS
        return self._desk.command(session, changes.cancel, possible, "it has ended before")

    def update_progress(
        self, session: SessionRow | str, done: int, total: int | None = None, note: str | None = None
    ) -> SessionRow:
        """Say how far a session is whose work is not, or not only, that of its runs; people are shown it.

        Args:
            session: Which one.
            done: How much is done, in whatever unit.
            total: How much there is; None if that is not known.
            note: What is being done, in a few words.

        Raises:
            UsageError: A number is out of range, the note too long, there is no such session, or it has ended.
        """
        check_progress(done, total, note)

        def note_it(connection: Connection, found: SessionRow, _at: datetime) -> SessionRow:
            if not sessions.note_progress(connection, found.id, done, total, note):
                raise refusal(found, "one that has ended makes no progress")
            return sessions.get(connection, found.id)

        return self._desk.change(session, note_it)

    def lock_files(
        self, session: SessionRow | str, paths: AnyPath | Iterable[AnyPath], run: str | None = None
    ) -> list[FileLock]:
        """Keep files for a session until it gives them back or ends: all of them, or none.

        What the session has already, it keeps. A lock is for exactly one file, which need not exist; it is an
        agreement between sessions, and keeps nobody from opening the file.

        Args:
            session: Which one.
            paths: From the top of the repository, or absolute and inside the work tree.
            run: The id of the run that they are for, which is shown to others.

        Returns:
            All that the session has of this repository now, in the order of the paths.

        Raises:
            FileLockedError: Another session has one of them; the error names all, and who has them.
            UsageError: A path names no file of the repository, the run id is not allowed, there is no such session, or
                it has ended.
        """
        named, repository = lockable(self._repository, paths), self._desk.repository
        run_id = None if run is None else check_run_id(run)

        def lock(connection: Connection, found: SessionRow, at: datetime) -> list[FileLock]:
            if found.status in ENDED_SESSIONS:
                raise refusal(found, "one that has ended can lock no file")
            file_locks.lock(connection, repository, found.id, named, run_id=run_id, at=at)
            return file_locks.held(connection, repository, found.id)

        return self._desk.change(session, lock)

    def unlock_files(
        self, session: SessionRow | str, paths: AnyPath | Iterable[AnyPath] | None = None
    ) -> list[FileLock]:
        """Give files back that a session has; those that it has not are let be.

        Args:
            session: Which one.
            paths: As for `lock_files`; None for all that it has, in whatever repository.

        Returns:
            What the session has of this repository now, in the order of the paths.

        Raises:
            UsageError: A path names no file of the repository, or there is no such session.
        """
        named = None if paths is None else lockable(self._repository, paths)
        repository = self._desk.repository

        def unlock(connection: Connection, found: SessionRow, _at: datetime) -> list[FileLock]:
            if named is None:
                file_locks.release(connection, found.id)
            else:
                file_locks.unlock(connection, repository, found.id, named)
            return file_locks.held(connection, repository, found.id)

        return self._desk.change(session, unlock)

    def locked_files(self, session: SessionRow | str | None = None) -> list[FileLock]:
        """Return the files of this repository that a session has, or any session, in the order of the paths.

        Raises:
            UsageError: There is no such session.
        """
        if session is None and not self._desk.has_sessions:
            return []
        repository = self._desk.repository
        with transaction(self._desk.control.get()) as connection:
            session_id = None if session is None else find(connection, session).id
            return file_locks.held(connection, repository, session_id)
