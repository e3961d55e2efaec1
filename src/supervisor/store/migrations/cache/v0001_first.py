"""Pages that machines share; only in Postgres."""

import sqlalchemy as sa
from alembic import op

SCHEMA = "ops"

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "page_cache",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        schema=SCHEMA,
    )
    op.create_index("page_cache_by_use", "page_cache", ["used_at"], schema=SCHEMA)
    # Entries are compressed already. This way their size is known without reading them.
    op.execute(f"ALTER TABLE {SCHEMA}.page_cache ALTER COLUMN content SET STORAGE EXTERNAL")
