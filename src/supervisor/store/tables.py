"""The tables, described once for SQLite and for Postgres, where they live in schema `ops`."""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect

SCHEMA = "ops"


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware UTC datetime; SQLite, which knows no time zones, gets and gives it without one."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive datetimes."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time must be aware")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (signature given)
        """Make what was read aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(sa.TypeDecorator[str]):
    """Text from outside (titles, messages, recognised text), without what databases refuse: NUL and lone surrogates."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 (signature given)
        """Replace what cannot be stored."""
        return None if value is None else storable(value)


def storable(text: str) -> str:
    """Return text without NUL, and with an escape for each lone surrogate: these stand for bytes that are no UTF-8."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="backslashreplace").decode()


# SQLite counts only INTEGER primary keys up by itself.
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")

control = sa.MetaData(schema=SCHEMA)
results = sa.MetaData(schema=SCHEMA)
cache = sa.MetaData(schema=SCHEMA)

sessions = sa.Table(
    "sessions",
    control,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("title", Words, nullable=False),
    sa.Column("intent", Words),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("started_at", UtcDateTime),
    sa.Column("finished_at", UtcDateTime),
    # Told by those whose work is not, or not only, runs; a total of null is not known.
    sa.Column("progress_done", sa.Integer),
    sa.Column("progress_total", sa.Integer),
    sa.Column("progress_note", Words),
)

runs = sa.Table(
    "runs",
    control,
    sa.Column("id", _BIG, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("session_id", sa.Text, sa.ForeignKey(sessions.c.id), nullable=False),
    sa.Column("lane", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False, server_default="100"),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("max_retries", sa.Integer, nullable=False, server_default="3"),
    sa.Column("retry_count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("rescue_count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("timeout_seconds", sa.Integer),
    sa.Column("commit_sha", sa.Text, nullable=False),
    sa.Column("repository", sa.Text, nullable=False),
    sa.Column("spec", _JSON, nullable=False),
    sa.Column("available_at", UtcDateTime, nullable=False),
    sa.Column("claimed_by", sa.Text),
    sa.Column("claimed_at", UtcDateTime),
    sa.Column("heartbeat_at", UtcDateTime),
    sa.Column("lease_term", sa.Integer, nullable=False, server_default="0"),
    sa.Column("cancel_requested_at", UtcDateTime),
    sa.Column("pause_requested_at", UtcDateTime),
    sa.Column("requested_by", Words),
    # The supervisor that a command made for the run; while it lives, the run is not another's to continue.
    sa.Column("served_by", sa.Text),
    sa.Column("cancelled_at", UtcDateTime),
    sa.Column("error", Words),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("started_at", UtcDateTime),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("settled_at", UtcDateTime),
)
_ACTIVE = sa.text("status IN ('queued', 'running')")
_RUNNING_IN_LANE = sa.text("status = 'running' AND lane IS NOT NULL")
sa.Index(
    "runs_one_active", runs.c.repository, runs.c.run_id, unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE
)
sa.Index(
    "runs_one_per_lane",
    runs.c.session_id,
    runs.c.lane,
    unique=True,
    sqlite_where=_RUNNING_IN_LANE,
    postgresql_where=_RUNNING_IN_LANE,
)
sa.Index(
    "runs_queue",
    runs.c.priority,
    runs.c.id,
    sqlite_where=sa.text("status = 'queued'"),
    postgresql_where=sa.text("status = 'queued'"),
)

# All that those ask of every run who watch: a look at the rows themselves would read every spec.
sa.Index(
    "runs_by_session",
    runs.c.session_id,
    runs.c.status,
    runs.c.lane,
    runs.c.pause_requested_at,
    runs.c.repository,
)
sa.Index("runs_by_run_id", runs.c.run_id)
# What is running is few among many: rescue and lanes look for it again and again.
sa.Index(
    "runs_running",
    runs.c.claimed_by,
    sqlite_where=sa.text("status = 'running'"),
    postgresql_where=sa.text("status = 'running'"),
)

# How far each run is: beside its row, which is large, and which more than one wants to lock.
run_progress = sa.Table(
    "run_progress",
    control,
    sa.Column("run", _BIG, sa.ForeignKey(runs.c.id), primary_key=True, autoincrement=False),
    # What it is busy with, or what happened to it last, in a word or two.
    sa.Column("stage", Words, nullable=False),
    sa.Column("documents", sa.Integer, nullable=False, server_default="0"),
    # How many of them have told their pages.
    sa.Column("documents_opened", sa.Integer, nullable=False, server_default="0"),
    # Failed ones included.
    sa.Column("documents_done", sa.Integer, nullable=False, server_default="0"),
    sa.Column("documents_failed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("pages", sa.Integer, nullable=False, server_default="0"),
    sa.Column("pages_ocr", sa.Integer, nullable=False, server_default="0"),
    sa.Column("pages_text_layer", sa.Integer, nullable=False, server_default="0"),
    sa.Column("pages_cache", sa.Integer, nullable=False, server_default="0"),
    sa.Column("pages_blank", sa.Integer, nullable=False, server_default="0"),
    sa.Column("pages_skipped", sa.Integer, nullable=False, server_default="0"),
    sa.Column("pages_failed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)

run_events = sa.Table(
    "run_events",
    control,
    sa.Column("id", _BIG, primary_key=True, autoincrement=True),
    sa.Column("run_id", _BIG, sa.ForeignKey(runs.c.id), nullable=False, index=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("lease_term", sa.Integer, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("actor", Words, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("from_status", sa.Text),
    sa.Column("to_status", sa.Text),
    sa.Column("detail", _JSON, nullable=False),
)

supervisors = sa.Table(
    "supervisors",
    control,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("machine_id", sa.Text),
    sa.Column("boot_id", sa.Text),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("pid_namespace", sa.Text),
    sa.Column("process_started_at", sa.Float, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("desired_workers", sa.Integer, nullable=False),
    sa.Column("heartbeat_at", UtcDateTime, nullable=False),
    # Where its locks are, which a rescuer on the same machine can see.
    sa.Column("runs_directory", Words, nullable=False),
    # How long it may be silent before its runs are another's to take.
    sa.Column("lease_seconds", sa.Integer, nullable=False),
    # When it signed off; one that was killed did not.
    sa.Column("ended_at", UtcDateTime),
)

workers = sa.Table(
    "workers",
    control,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column(
        "supervisor_id", sa.Text, sa.ForeignKey(supervisors.c.id, ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("session_id", sa.Text, sa.ForeignKey(sessions.c.id)),
    # Those that its machine has; a session of null means that of any session.
    sa.Column("repositories", _JSON, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("current_run", _BIG),
    sa.Column("heartbeat_at", UtcDateTime, nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    # When it was taken away, or its supervisor signed off.
    sa.Column("ended_at", UtcDateTime),
)

# They are few among all that ever were.
_PRESENT = sa.text("ended_at IS NULL")
sa.Index("workers_present", workers.c.id, sqlite_where=_PRESENT, postgresql_where=_PRESENT)

file_locks = sa.Table(
    "file_locks",
    control,
    sa.Column("repository", sa.Text, primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("session_id", sa.Text, sa.ForeignKey(sessions.c.id), nullable=False),
    sa.Column("run_id", sa.Text),
    sa.Column("acquired_at", UtcDateTime, nullable=False),
)

# Only in the database that a single run has for itself; elsewhere the row of `runs` says whose term it is.
lease = sa.Table(
    "lease",
    results,
    sa.Column("term", sa.Integer, primary_key=True),
    # Which row of `runs` it is the term of. Ids alone begin anew when a control database is deleted.
    sa.Column("owner", sa.Text, nullable=False),
)

documents = sa.Table(
    "documents",
    results,
    sa.Column("run", _BIG, primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("blob_sha", sa.Text, nullable=False),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("status", sa.Text),
    sa.Column("page_count", sa.Integer),
    sa.Column("error", Words),
)

pages = sa.Table(
    "pages",
    results,
    sa.Column("run", _BIG, primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("document", sa.Text, primary_key=True),
    sa.Column("page_number", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("source", sa.Text),
    sa.Column("text", Words, nullable=False),
    sa.Column("mean_confidence", sa.Float),
    sa.Column("low_confidence", sa.Float),
    sa.Column("weak_word_share", sa.Float),
    sa.Column("word_count", sa.Integer, nullable=False),
    sa.Column("duration_ms", sa.Integer, nullable=False),
    sa.Column("page_key", sa.Text),
    # Why it had to be recognised, where it was: new, changed, other settings.
    sa.Column("because", sa.Text),
    sa.Column("error", Words),
    # The recogniser's own result, compressed: an interrupted attempt goes on from it.
    sa.Column("master", sa.LargeBinary, nullable=False),
)

# Only in Postgres: where machines share the pages that they have recognised.
page_cache = sa.Table(
    "page_cache",
    cache,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
    # To the day: a page that a thousand runs use is not written a thousand times.
    sa.Column("used_at", UtcDateTime, nullable=False),
)
sa.Index("page_cache_by_use", page_cache.c.used_at)
