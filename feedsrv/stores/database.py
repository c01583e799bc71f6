"""Opening the database, and bringing its tables up to date."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.pool import ConnectionPoolEntry

from feedsrv.errors import OperatorError, UnavailableError

_WAIT: Final = 10.0
"""Seconds that a writer waits for another to finish; units of work take milliseconds."""


class DatabaseUrlError(OperatorError):
    """The database's URL cannot be used."""

    code = "store.bad_url"


class StoreNotReadyError(OperatorError):
    """The database lacks tables, or is damaged, or there is no room."""

    code = "store.not_ready"


class StoreBusyError(UnavailableError):
    """Another process held the database for too long."""

    code = "store.busy"


def open_database(url: str) -> Engine:
    """An engine on an SQLite file; nothing is opened or made yet.

    Raises:
        DatabaseUrlError: no URL of an SQLite file.
    """
    parsed = _parse(url)
    engine = create_engine(parsed, connect_args={"timeout": _WAIT})
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def file_of(url: str) -> Path:
    """The file that an SQLite URL names.

    Raises:
        DatabaseUrlError: it names none.
    """
    database = _parse(url).database
    assert database, "checked by _parse"
    return Path(database)


def upgrade(url: str) -> None:
    """Make the file and its tables, or bring them up to date; nothing happens where they are.

    Raises:
        DatabaseUrlError: no URL of an SQLite file.
        StoreNotReadyError: the file cannot be made or changed.
    """
    try:
        file_of(url).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreNotReadyError(f"{file_of(url).parent}: cannot be made ({error.strerror})") from error
    _keep_from_others(file_of(url))
    engine = open_database(url)
    try:
        # One process upgrades, others wait and then find nothing to do.
        with engine.execution_options(feedsrv_writes=True).begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DatabaseError as error:
        raise translated(error) from error
    finally:
        engine.dispose()


def _keep_from_others(file: Path) -> None:
    """Let nobody but the owner and the group read the file: hashes of passwords lie in it."""
    try:
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o660))
        # Its log and its index take after it, where they are made anew.
        for one in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
            if one.exists() and one.stat().st_mode & 0o007:
                one.chmod(stat.S_IMODE(one.stat().st_mode) & ~0o007)
    except OSError:
        return  # not ours to change, or not to be made: the database says which


def is_current(url: str) -> bool:
    """True where the tables are those that this version works with.

    Raises:
        DatabaseUrlError: no URL of an SQLite file.
        StoreNotReadyError: the file is no database.
    """
    if not file_of(url).is_file():
        return False
    engine = open_database(url)
    try:
        with engine.connect() as connection:
            return _revision(connection) == ScriptDirectory.from_config(_config()).get_current_head()
    except DatabaseError as error:
        raise translated(error) from error
    finally:
        engine.dispose()


def translated(error: DatabaseError) -> OperatorError | StoreBusyError:
    """What a database's complaint means for whoever must act."""
    text = str(error.orig)
    if "locked" in text or "busy" in text:
        return StoreBusyError(
            f"the database is held by another process for more than {_WAIT:.0f} seconds; try again"
        )
    if "no such table" in text or "no such column" in text:
        return StoreNotReadyError(f"{text}: bring the database up to date with `feedsrv db upgrade`")
    if "full" in text:
        return StoreNotReadyError(f"{text}: free some space where the database lies; nothing was changed")
    return StoreNotReadyError(f"the database cannot be used: {text}; nothing was changed")


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseUrlError(
            "the database URL must look like sqlite:////var/lib/feedsrv/feedsrv.db"
        ) from None
    if parsed.get_backend_name() != "sqlite":
        raise DatabaseUrlError(
            f"{parsed.get_backend_name()!r} databases are not supported in this version: only SQLite is, as "
            "in sqlite:////var/lib/feedsrv/feedsrv.db"
        )
    if not parsed.database or parsed.database == ":memory:":
        raise DatabaseUrlError("the database URL must name a file: sqlite:////var/lib/feedsrv/feedsrv.db")
    return parsed


def _on_connect(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    # SQLAlchemy begins transactions (below), so that writers can queue before they read.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("feedsrv_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _config() -> Config:
    config = Config()
    # A percent sign would begin an interpolation.
    folder = str(Path(__file__).parent / "migrations").replace("%", "%%")
    config.set_main_option("script_location", folder)
    # Alembic must not read the path as a list of paths.
    config.set_main_option("path_separator", "os")
    return config


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
