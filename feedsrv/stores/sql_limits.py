"""Counters of requests on the database, shared by every process and host: a storage of the library `limits`.

A count that a loss of power takes away harms nobody, so none waits for the disk.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from limits.storage import Storage
from sqlalchemy import Connection, delete, event, insert, select, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import ConnectionPoolEntry

from feedsrv.stores.database import open_database, translated
from feedsrv.stores.tables import rate_limits

_TABLE: Final = rate_limits
_LONGEST: Final = 255
"""Characters of a key that the table keeps."""


class SqlLimits(Storage):
    """Counts in windows that begin with their first request; the tables must be up to date.

    Raises:
        StoreBusyError, StoreNotReadyError: the database cannot be used; nothing was counted.
    """

    STORAGE_SCHEME = None
    """It is made by hand: no address names it."""

    def __init__(self, database: str) -> None:
        super().__init__()
        self._engine = open_database(database)
        event.listen(self._engine, "connect", _hasty)

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the database raises when it cannot be used."""
        return DatabaseError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count that much more in the window of a key; returns what it holds then."""
        mine, now = _TABLE.c.key == key[:_LONGEST], time.time()
        more = update(_TABLE).where(mine, _TABLE.c.ends > now).values(count=_TABLE.c.count + amount)
        # Writers queue before they read, so that no two see the same count.
        with self._working(writes=True) as connection:
            if not connection.execute(more).rowcount:
                # What has ended goes with the first of a new window: there is nobody else to sweep.
                connection.execute(delete(_TABLE).where(_TABLE.c.ends <= now))
                connection.execute(insert(_TABLE).values(key=key[:_LONGEST], count=amount, ends=now + expiry))
            return int(connection.execute(select(_TABLE.c.count).where(mine)).scalar_one())

    def get(self, key: str) -> int:
        """What the window of a key holds; 0 where none is open."""
        held = select(_TABLE.c.count).where(_TABLE.c.key == key[:_LONGEST], _TABLE.c.ends > time.time())
        with self._working() as connection:
            return connection.scalar(held) or 0

    def get_expiry(self, key: str) -> float:
        """When the window of a key ends, in seconds since 1970; now, where none is open."""
        now = time.time()
        ends = select(_TABLE.c.ends).where(_TABLE.c.key == key[:_LONGEST], _TABLE.c.ends > now)
        with self._working() as connection:
            return connection.scalar(ends) or now

    def check(self) -> bool:
        """True: the table can be read."""
        with self._working() as connection:
            connection.execute(select(_TABLE.c.key).limit(1))
        return True

    def reset(self) -> int:
        """Forget every count; returns how many there were."""
        with self._working(writes=True) as connection:
            return connection.execute(delete(_TABLE)).rowcount

    def clear(self, key: str) -> None:
        """Forget one count."""
        with self._working(writes=True) as connection:
            connection.execute(delete(_TABLE).where(_TABLE.c.key == key[:_LONGEST]))

    def close(self) -> None:
        """Let go of the database; it may be used again."""
        self._engine.dispose()

    @contextmanager
    def _working(self, *, writes: bool = False) -> Iterator[Connection]:
        try:
            with self._engine.execution_options(feedsrv_writes=writes).begin() as connection:
                yield connection
        except DatabaseError as error:
            raise translated(error) from error


def _hasty(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")
