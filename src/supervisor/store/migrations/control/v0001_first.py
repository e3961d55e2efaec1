"""Sessions, runs, events, supervisors, workers, file locks, and the function that claims runs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

SCHEMA = "ops"

revision = "0001"
down_revision = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_ACTIVE = sa.text("status IN ('queued', 'running')")
_RUNNING_IN_LANE = sa.text("status = 'running' AND lane IS NOT NULL")
_QUEUED = sa.text("status = 'queued'")
_RUNNING = sa.text("status = 'running'")

_CLAIM_RUNS = """
CREATE FUNCTION ops.claim_runs(worker_id text, "limit" integer) RETURNS SETOF ops.runs
LANGUAGE plpgsql
-- A plan of its own for every call would take longer than the call; one that sorts, as it seems good while the queue is
-- short, would be kept when it has grown long.
SET plan_cache_mode = force_generic_plan SET enable_sort = off
AS $function$
DECLARE
    worker ops.workers;
    candidate ops.runs;
    taken bigint[] := '{}';
    claimed integer := 0;
    last_id bigint;
    now_at timestamptz := clock_timestamp();
BEGIN
    IF $2 > 1 THEN
        -- Two that each hold a lane would wait for the other's.
        PERFORM pg_advisory_xact_lock(12738286);
    END IF;
    SELECT * INTO worker FROM ops.workers WHERE id = $1;
    WHILE claimed < $2 LOOP
        -- What looks and what changes are in one sub-transaction: a row that one transaction has locked and another has
        -- changed, if only a part of the first, is an expensive one.
        BEGIN
            SELECT * INTO candidate FROM ops.runs AS run
            WHERE run.status = 'queued' AND run.available_at <= now_at
                AND (worker.session_id IS NULL OR run.session_id = worker.session_id)
                AND (worker.id IS NULL OR worker.repositories ? run.repository)
                AND (SELECT status FROM ops.sessions WHERE id = run.session_id) = 'running'
                AND (run.lane IS NULL OR (
                    SELECT id FROM ops.runs AS other
                    WHERE other.session_id = run.session_id AND other.lane = run.lane AND other.status = 'running'
                    LIMIT 1
                ) IS NULL)
                AND run.id <> ALL (taken)
            ORDER BY run.priority, run.id LIMIT 1 FOR UPDATE OF run SKIP LOCKED;
            EXIT WHEN NOT FOUND;
            -- From here on nobody else changes it: this is later than all that others did to it.
            now_at := clock_timestamp();
            UPDATE ops.runs SET status = 'running', lease_term = lease_term + 1, claimed_by = $1, claimed_at = now_at,
                heartbeat_at = now_at, started_at = coalesce(started_at, now_at)
            WHERE id = candidate.id RETURNING * INTO candidate;
            INSERT INTO ops.run_events
                (run_id, attempt, lease_term, at, actor, event, from_status, to_status, detail)
            VALUES
                (candidate.id, candidate.attempt, candidate.lease_term, now_at, $1, 'claimed',
                'queued', 'running', '{"reason": "next in the queue"}');
            claimed := claimed + 1;
            last_id := candidate.id;
            RETURN NEXT candidate;
        EXCEPTION WHEN unique_violation THEN
            -- Another claim took the lane between our look and our change.
            taken := taken || candidate.id;
        END;
    END LOOP;
    IF claimed > 0 THEN
        UPDATE ops.workers SET status = 'busy', current_run = last_id, heartbeat_at = now_at WHERE id = $1;
    END IF;
END
$function$
"""


def upgrade() -> None:
    """Make the tables and, on Postgres, the function."""
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("intent", sa.Text()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_table(
        "supervisors",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("machine_id", sa.Text()),
        sa.Column("boot_id", sa.Text()),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("pid_namespace", sa.Text()),
        sa.Column("process_started_at", sa.Float(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("desired_workers", sa.Integer(), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("runs_directory", sa.Text(), nullable=False),
        sa.Column("lease_seconds", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_table(
        "file_locks",
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text()),
        sa.Column("acquired_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], [f"{SCHEMA}.sessions.id"]),
        sa.PrimaryKeyConstraint("repository", "path"),
        schema=SCHEMA,
    )
    op.create_table(
        "runs",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), server_default="100", nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("max_retries", sa.Integer(), server_default="3", nullable=False),
        sa.Column("retry_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rescue_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("timeout_seconds", sa.Integer()),
        sa.Column("commit_sha", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("spec", _JSON, nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_by", sa.Text()),
        sa.Column("claimed_at", sa.DateTime(timezone=True)),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True)),
        sa.Column("lease_term", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True)),
        sa.Column("pause_requested_at", sa.DateTime(timezone=True)),
        sa.Column("requested_by", sa.Text()),
        sa.Column("served_by", sa.Text()),
        sa.Column("cancelled_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["session_id"], [f"{SCHEMA}.sessions.id"]),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index("runs_by_run_id", "runs", ["run_id"], schema=SCHEMA)
    op.create_index("runs_by_session", "runs", ["session_id", "status"], schema=SCHEMA)
    op.create_index(
        "runs_one_active",
        "runs",
        ["repository", "run_id"],
        unique=True,
        schema=SCHEMA,
        sqlite_where=_ACTIVE,
        postgresql_where=_ACTIVE,
    )
    op.create_index(
        "runs_one_per_lane",
        "runs",
        ["session_id", "lane"],
        unique=True,
        schema=SCHEMA,
        sqlite_where=_RUNNING_IN_LANE,
        postgresql_where=_RUNNING_IN_LANE,
    )
    op.create_index(
        "runs_queue",
        "runs",
        ["priority", "id"],
        unique=False,
        schema=SCHEMA,
        sqlite_where=_QUEUED,
        postgresql_where=_QUEUED,
    )
    op.create_index(
        "runs_running",
        "runs",
        ["claimed_by"],
        unique=False,
        schema=SCHEMA,
        sqlite_where=_RUNNING,
        postgresql_where=_RUNNING,
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("supervisor_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text()),
        sa.Column("repositories", _JSON, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("current_run", _BIG),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], [f"{SCHEMA}.sessions.id"]),
        sa.ForeignKeyConstraint(["supervisor_id"], [f"{SCHEMA}.supervisors.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_ops_workers_supervisor_id"), "workers", ["supervisor_id"], schema=SCHEMA)
    op.create_table(
        "run_events",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("run_id", _BIG, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("lease_term", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("from_status", sa.Text()),
        sa.Column("to_status", sa.Text()),
        sa.Column("detail", _JSON, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], [f"{SCHEMA}.runs.id"]),
        sa.PrimaryKeyConstraint("id"),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_ops_run_events_run_id"), "run_events", ["run_id"], schema=SCHEMA)
    if op.get_context().dialect.name == "postgresql":
        op.execute(_CLAIM_RUNS)
