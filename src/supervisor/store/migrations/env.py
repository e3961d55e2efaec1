"""What alembic runs to migrate: it is handed a connection, whose transaction and lock are the caller's."""

from alembic import context

from supervisor.store.engine import is_postgres
from supervisor.store.tables import SCHEMA

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    version_table=context.config.attributes["part"].version_table,
    version_table_schema=SCHEMA if is_postgres(connection) else None,
)
with context.begin_transaction():
    context.run_migrations()
