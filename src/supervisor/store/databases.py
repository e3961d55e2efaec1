"""Where the tables of a command are: all in one database, or results in a database per run beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Engine

from supervisor.store.engine import checkpoint, open_engine
from supervisor.store.results import ResultStore
from supervisor.store.schema import prepare_cache, prepare_control, prepare_results
from supervisor.store.urls import parse_url, sqlite_url

SHARING_HINT = "use PostgreSQL, or --per-run-sqlite, which gives each run a database of its own"
"""What to do where several want to share an SQLite database."""


@dataclass(frozen=True)
class Databases:
    """The databases of a command.

    Attributes:
        control_url: Where sessions, runs and workers are.
        per_run: Tells the file that has the results of a run; None if they are in the control database, too.
    """

    control_url: str
    per_run: Callable[[str], Path] | None

    @property
    def shared(self) -> bool:
        """Whether the results of all runs are in the control database."""
        return self.per_run is None

    @property
    def is_sqlite(self) -> bool:
        """Whether only processes of one machine can use it, one writer at a time."""
        return parse_url(self.control_url).get_backend_name() == "sqlite"

    def open_control(self) -> Engine:
        """Open the control database, with its tables up to date.

        Raises:
            DatabaseError: It cannot be reached.
            SchemaError: It is newer than this program.
        """
        engine = open_engine(self.control_url)
        try:
            prepare_control(engine)
            if self.shared:
                prepare_results(engine)
            if not self.is_sqlite:
                prepare_cache(engine)
        except BaseException:
            engine.dispose()
            raise
        return engine

    def results_url(self, run_id: str) -> str:
        """Return the URL of the database that has a run's documents and pages."""
        return self.control_url if self.per_run is None else sqlite_url(self.per_run(run_id))

    def has_results(self, run_id: str) -> bool:
        """Tell whether there is a database yet that could have results of a run."""
        return self.per_run is None or self.per_run(run_id).exists()

    def checkpoint(self, run_id: str) -> None:
        """Bring everything that a run has stored into its file, if it has one for itself.

        Raises:
            DatabaseError: It cannot be read or written.
        """
        if self.per_run is not None:
            engine = open_engine(self.results_url(run_id), connections=1)
            try:
                checkpoint(engine)
            finally:
                engine.dispose()

    def open_results(self, run_id: str, *, patience_seconds: float = 0) -> ResultStore:
        """Open what a run has stored; the caller closes it.

        Raises:
            DatabaseError: It cannot be reached.
        """
        return ResultStore(self.results_url(run_id), shared=self.shared, patience_seconds=patience_seconds)
