"""Looking at everything that a picture shows, again and again."""

import os
import threading
from dataclasses import dataclass, replace

from sqlalchemy.engine import Engine

from supervisor.board.overview import read_overview, read_runs
from supervisor.board.slots import with_slots
from supervisor.board.views import Overview
from supervisor.clock import SystemClock
from supervisor.dashboard.config import DashboardConfig
from supervisor.dashboard.pace import Pace
from supervisor.dashboard.sight import Sight
from supervisor.model.states import SessionStatus
from supervisor.store.sessions import SessionRow
from supervisor.supervision.control.selection import find_run, find_session, unknown_name
from supervisor.supervision.place import Place

_EVENTS = 30
# Long enough for a calm figure, and short enough to see that nothing happens any more.
_WINDOW_SECONDS = 20.0


@dataclass(frozen=True)
class Scope:
    """What is looked at; None for all.

    Attributes:
        session: Its id, the beginning of that, or its title.
        status: Only sessions in this state.
        lane: Only runs in this lane.
        run: Only the session that the newest row of this run id is in.
    """

    session: str | None = None
    status: SessionStatus | None = None
    lane: str | None = None
    run: str | None = None


class Looker:
    """Looks at a place, with one engine for all looks; a place without a database has nothing to show yet.

    Args:
        place: Where runs are.
        repository: What the repository is known by.
    """

    def __init__(self, place: Place, repository: str, scope: Scope, config: DashboardConfig) -> None:
        self._place = place
        self._repository = repository
        self._scope = scope
        self._config = config
        self._clock = SystemClock()
        self._pace = Pace(_WINDOW_SECONDS)
        self._engine: Engine | None = None
        self._session: SessionRow | None = None
        # A look may still hang while whoever asked for it has gone.
        self._at_work = threading.Lock()

    def close(self) -> None:
        """Close the database, unless a look hangs in it."""
        if self._at_work.acquire(blocking=False):
            if self._engine is not None:
                self._engine.dispose()
            self._at_work.release()

    def look(self) -> Sight:
        """Look at everything.

        Raises:
            UsageError: There is no such session, or more than one.
            DatabaseError: The database cannot be read.
        """
        with self._at_work:
            return self._look()

    def _look(self) -> Sight:
        engine = self._opened()
        config, scope = self._config, self._scope
        if engine is None:
            if scope.session is not None:
                raise unknown_name(scope.session, what="session")
            return self._sight(Overview(at=self._clock.now()))
        if self._session is None:
            self._session = self._find(engine)
        overview = read_overview(
            engine,
            self._repository,
            clock=self._clock,
            session_id=None if self._session is None else self._session.id,
            status=scope.status,
            lane=scope.lane,
            sessions_limit=config.max_sessions_display,
            workers_limit=config.max_workers_display,
            events_limit=_EVENTS,
        )
        sight = self._sight(overview)
        if self._session is not None:
            runs = [run for run in read_runs(engine, self._repository, self._session.id) if self._is_meant(run.lane)]
            sight = replace(sight, runs=runs)
        return sight

    def _sight(self, overview: Overview) -> Sight:
        limited = self._scope != Scope()
        if limited:
            finished = sum(session.pages.done for session in overview.sessions)
            speeds = [session.pages_per_second for session in overview.sessions if session.pages_per_second is not None]
            since_claims = sum(speeds) if speeds else None
        else:
            finished, since_claims = overview.summary.pages.done, overview.pages_per_second
        now = self._clock.monotonic()
        self._pace.note(now, finished)
        pace = self._pace.per_second(now)
        repository = self._place.repository
        return Sight(
            name=(repository.main_work_tree or repository.common_dir).name,
            overview=with_slots(overview, os.environ),
            scope=self._words(),
            pages_per_second=since_claims if pace is None else pace,
            has_all_sessions=not limited or len(overview.sessions) < self._config.max_sessions_display,
        )

    def _words(self) -> str:
        scope = self._scope
        words = [f"session {self._session.title}"] if self._session is not None else []
        words += [f"{scope.status} sessions"] if scope.status is not None else []
        words += [f"lane {scope.lane}"] if scope.lane is not None else []
        return ", ".join(words)

    def _find(self, engine: Engine) -> SessionRow | None:
        """Return the only session that is looked at, if there is one."""
        name = self._scope.session
        if self._scope.run is not None:
            name = find_run(engine, self._repository, f"run:{self._scope.run}").session_id
        return None if name is None else find_session(engine, self._repository, name)

    def _is_meant(self, lane: str | None) -> bool:
        return self._scope.lane in {None, lane}

    def _opened(self) -> Engine | None:
        if self._engine is None and self._place.has_control:
            self._engine = self._place.databases.open_control()
        return self._engine
