"""Pages that machines share through Postgres: a table of small entries, bounded in age and size.

What an entry is, and whether it is whole, is for those to judge who keep and read it. Rows are always locked in the
order of their keys, or passed over, so that nobody waits for anybody in a circle.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.pool import ConnectionPoolEntry

from supervisor.store.engine import open_engine, transaction
from supervisor.store.tables import page_cache

DEFAULT_LIMIT_BYTES = 20 * 10**9
_KEPT_SHARE = 0.9
_KEPT_FOR = timedelta(days=90)
_USE_NOTED_EVERY = timedelta(days=1)
_ADVISORY_LOCK = 0x0C2_CAC4E
# So that whoever writes need not think of it; a look costs nothing while the table is small.
_PUTS_PER_PRUNE = 64
# Recognising a page takes a second: a database that needs longer to find it is no help.
_IMPATIENCE = {"connect_timeout": 2, "tcp_user_timeout": 3000}
_IMPATIENT_STATEMENTS = "-c statement_timeout=3s -c lock_timeout=1s"
_NOW = sa.func.now()


@dataclass(frozen=True)
class SharedSurvey:
    """What is in the table.

    Attributes:
        pages: Distinct pictures that were recognised.
        entries: These, and what leads to them from documents.
        size_bytes: Of their contents.
        oldest_use: To the day; None without entries.
    """

    pages: int
    entries: int
    size_bytes: int
    oldest_use: datetime | None


class SharedPages:
    """The shared entries of one database, by a connection of their own, and with no patience.

    Every method raises `DatabaseError` if the database does not answer at once, or lacks the table.
    """

    def __init__(self, url: str, *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        """Remember where the table is; nothing is opened yet.

        Args:
            url: Of Postgres.
            limit_bytes: How large all contents together may be.

        Raises:
            UsageError: The URL cannot be used.
        """
        self._engine = open_engine(url, connections=1)
        sa.event.listen(self._engine, "do_connect", _hasten)
        self._limit_bytes = limit_bytes

    def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Return the entries that there are, in one query, and note that they were used."""
        columns = (page_cache.c.key, page_cache.c.content, page_cache.c.used_at < _NOW - _USE_NOTED_EVERY)
        with transaction(self._engine) as connection:
            found = connection.execute(sa.select(*columns).where(_among(keys))).all()
            unnoted = [key for key, _, is_unnoted in found if is_unnoted]
            if unnoted:
                free = sa.select(page_cache.c.key).where(_among(unnoted)).with_for_update(skip_locked=True)
                connection.execute(sa.update(page_cache).where(page_cache.c.key.in_(free)).values(used_at=_NOW))
        return {key: bytes(content) for key, content, _ in found}

    def put(self, entries: Mapping[str, bytes]) -> None:
        """Keep entries; one that is there already is replaced only if it is another, as a damaged one is.

        Now and then it prunes, too.
        """
        if not entries:
            return
        rows: list[dict[str, Any]] = [{"key": key, "content": entries[key], "used_at": _NOW} for key in sorted(entries)]
        statement = insert(page_cache).values(rows)
        new = statement.excluded
        statement = statement.on_conflict_do_update(
            index_elements=[page_cache.c.key],
            set_={"content": new.content, "used_at": new.used_at},
            where=page_cache.c.content != new.content,
        )
        with transaction(self._engine) as connection:
            connection.execute(statement)
        if random.random() < 1 / _PUTS_PER_PRUNE:  # noqa: S311 (no secret)
            self.prune()

    def prune(self) -> int:
        """Remove what nobody has used for 90 days, and what was used longest ago if there is too much.

        Returns:
            How many entries were removed; 0 also while somebody else is at it.
        """
        with transaction(self._engine) as connection:
            if not connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_ADVISORY_LOCK))):
                return 0
            connection.execute(sa.text("SET LOCAL statement_timeout = '20s'"))
            doomed = page_cache.c.used_at < _NOW - _KEPT_FOR
            if self._is_too_large(connection):
                doomed |= page_cache.c.key.in_(self._beyond_the_limit())
            free = sa.select(page_cache.c.key).where(doomed).with_for_update(skip_locked=True)
            return connection.execute(sa.delete(page_cache).where(page_cache.c.key.in_(free))).rowcount

    def survey(self) -> SharedSurvey:
        """Count what there is; before the first run, which makes the table, that is nothing."""
        columns = (
            sa.func.count().filter(page_cache.c.key.startswith("page-")),
            sa.func.count(),
            _size_bytes(),
            sa.func.min(page_cache.c.used_at),
        )
        with transaction(self._engine) as connection:
            if not sa.inspect(connection).has_table(page_cache.name, page_cache.schema):
                return SharedSurvey(0, 0, 0, None)
            pages, entries, size_bytes, oldest_use = connection.execute(sa.select(*columns)).one()
        return SharedSurvey(pages, entries, int(size_bytes), oldest_use)

    def close(self) -> None:
        """Let the connection go."""
        self._engine.dispose()

    def _is_too_large(self, connection: Connection) -> bool:
        # The files' size, which is known at once, is never less than that of the contents.
        on_disk = connection.scalar(sa.select(sa.func.pg_total_relation_size(str(page_cache))))
        if on_disk is not None and on_disk <= self._limit_bytes:
            return False
        return int(connection.execute(sa.select(_size_bytes())).scalar_one()) > self._limit_bytes

    def _beyond_the_limit(self) -> sa.Select[tuple[str]]:
        latest_first = (page_cache.c.used_at.desc(), page_cache.c.key)
        up_to_here = sa.func.sum(sa.func.octet_length(page_cache.c.content)).over(order_by=latest_first)
        ranked = sa.select(page_cache.c.key, up_to_here.label("up_to_here")).subquery()
        return sa.select(ranked.c.key).where(ranked.c.up_to_here > self._limit_bytes * _KEPT_SHARE)


def _hasten(dialect: Dialect, record: ConnectionPoolEntry, arguments: list[Any], options: dict[str, Any]) -> None:  # noqa: ARG001 (signature given)
    """Give a connection that is being opened less time than those have that a run depends on."""
    # Of two words for one setting the server takes the last.
    statements = f"{options.get('options', '')} {_IMPATIENT_STATEMENTS}".strip()
    options.update(_IMPATIENCE, options=statements)


def _among(keys: Sequence[str]) -> sa.ColumnElement[bool]:
    return page_cache.c.key == sa.any_(sa.cast(list(keys), sa.ARRAY(sa.Text)))


def _size_bytes() -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.func.octet_length(page_cache.c.content)), 0)
