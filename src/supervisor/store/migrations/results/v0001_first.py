"""Documents and pages; for a run with a database of its own also the lease term."""

import sqlalchemy as sa
from alembic import op

SCHEMA = "ops"

revision = "0001"
down_revision = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "documents",
        sa.Column("run", _BIG, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("blob_sha", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("status", sa.Text()),
        sa.Column("page_count", sa.Integer()),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("run", "attempt", "path"),
        schema=SCHEMA,
    )
    op.create_table(
        "pages",
        sa.Column("run", _BIG, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("page_number", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("source", sa.Text()),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("mean_confidence", sa.Float()),
        sa.Column("low_confidence", sa.Float()),
        sa.Column("weak_word_share", sa.Float()),
        sa.Column("word_count", sa.Integer(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("page_key", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("master", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run", "attempt", "document", "page_number"),
        schema=SCHEMA,
    )
    if op.get_context().dialect.name == "sqlite":
        op.create_table(
            "lease",
            sa.Column("term", sa.Integer(), nullable=False),
            sa.Column("owner", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("term"),
            schema=SCHEMA,
        )
