"""Runs that are paused are claimed no more; workers can be taken away."""

import sqlalchemy as sa
from alembic import op

SCHEMA = "ops"

revision = "0002"
down_revision = "0001"

_CLAIM_RUNS = """
CREATE OR REPLACE FUNCTION ops.claim_runs(worker_id text, "limit" integer) RETURNS SETOF ops.runs
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
            WHERE run.status = 'queued' AND run.pause_requested_at IS NULL AND run.available_at <= now_at
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
    """Add the column, and on Postgres replace the function."""
    is_postgres = op.get_context().dialect.name == "postgresql"
    # Changing a table is not translated from schema to file, as making it is.
    schema = SCHEMA if is_postgres else None
    op.add_column("workers", sa.Column("ended_at", sa.DateTime(timezone=True)), schema=schema)
    prefix = f"{SCHEMA}." if is_postgres else ""
    op.execute(
        f"UPDATE {prefix}workers SET ended_at = "  # noqa: S608 (our own names)
        f"(SELECT ended_at FROM {prefix}supervisors AS one WHERE one.id = workers.supervisor_id)"
    )
    if is_postgres:
        op.execute(_CLAIM_RUNS)
