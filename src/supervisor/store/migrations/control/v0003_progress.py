"""How far runs are, and sessions whose work is done by other programs."""

import sqlalchemy as sa
from alembic import op

SCHEMA = "ops"

revision = "0003"
down_revision = "0002"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_COUNTS = (
    "documents",
    "documents_opened",
    "documents_done",
    "documents_failed",
    "pages",
    "pages_ocr",
    "pages_text_layer",
    "pages_cache",
    "pages_blank",
    "pages_skipped",
    "pages_failed",
)
_ASKED_OF_EVERY_RUN = ["session_id", "status", "lane", "pause_requested_at", "repository"]
_PRESENT = sa.text("ended_at IS NULL")
# How many documents a run has, whatever another program may have written in the place of a spec.
_DOCUMENTS_IN_POSTGRES = """
CASE WHEN jsonb_typeof(spec -> 'documents') = 'array' THEN jsonb_array_length(spec -> 'documents') ELSE 0 END
"""
_DOCUMENTS_IN_SQLITE = """
CASE WHEN json_valid(spec) THEN
    CASE WHEN json_type(spec, '$.documents') = 'array' THEN json_array_length(spec, '$.documents') ELSE 0 END
ELSE 0 END
"""


def upgrade() -> None:
    """Make a row for each run that is there: all documents of one that succeeded are done, of others it is unknown."""
    is_postgres = op.get_context().dialect.name == "postgresql"
    if is_postgres:
        # In the order in which transactions take them that supervisors of an older version are in the middle of: what
        # is changed below, in another order, would be a deadlock.
        op.execute(f"LOCK TABLE {SCHEMA}.sessions, {SCHEMA}.runs, {SCHEMA}.workers")
    op.create_table(
        "run_progress",
        sa.Column("run", _BIG, autoincrement=False, nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Integer(), server_default="0", nullable=False) for name in _COUNTS),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run"], [f"{SCHEMA}.runs.id"]),
        sa.PrimaryKeyConstraint("run"),
        schema=SCHEMA,
        # Rows are written every second: there is room for the next version beside each, and no index changes.
        postgresql_with={"fillfactor": 50},
    )
    # Changing a table is not translated from schema to file, as making it is.
    schema, prefix = (SCHEMA, f"{SCHEMA}.") if is_postgres else (None, "")
    op.add_column("sessions", sa.Column("progress_done", sa.Integer()), schema=schema)
    op.add_column("sessions", sa.Column("progress_total", sa.Integer()), schema=schema)
    op.add_column("sessions", sa.Column("progress_note", sa.Text()), schema=schema)
    op.drop_index("runs_by_session", "runs", schema=schema)
    op.create_index("runs_by_session", "runs", _ASKED_OF_EVERY_RUN, schema=schema)
    op.create_index(
        "workers_present", "workers", ["id"], schema=schema, sqlite_where=_PRESENT, postgresql_where=_PRESENT
    )
    documents = _DOCUMENTS_IN_POSTGRES if is_postgres else _DOCUMENTS_IN_SQLITE
    done = "CASE WHEN status = 'succeeded' THEN documents ELSE 0 END"
    op.execute(
        f"INSERT INTO {prefix}run_progress (run, stage, documents, documents_done, updated_at) "  # noqa: S608 (our own names)
        f"SELECT id, status, documents, {done}, coalesce(finished_at, claimed_at, created_at) "
        f"FROM (SELECT *, {documents} AS documents FROM {prefix}runs) AS known"
    )
