"""Why a page had to be recognised."""

import sqlalchemy as sa
from alembic import op

SCHEMA = "ops"

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; of older pages nobody knows."""
    # Changing a table is not translated from schema to file, as making it is.
    schema = None if op.get_context().dialect.name == "sqlite" else SCHEMA
    op.add_column("pages", sa.Column("because", sa.Text()), schema=schema)
