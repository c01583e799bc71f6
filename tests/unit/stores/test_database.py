from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from feedsrv.stores import database
from feedsrv.stores.database import (
    DatabaseUrlError,
    StoreBusyError,
    StoreNotReadyError,
    file_of,
    is_current,
    open_database,
    upgrade,
)
from feedsrv.stores.sql import SqlStore
from feedsrv.stores.tables import metadata


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database that is not there yet, in a folder that is not there either."""
    return f"sqlite:///{tmp_path}/data of 100%/feedsrv.db"


def test_upgrading_makes_a_database_that_is_current(url: str) -> None:
    """Once or twice, from nothing."""
    assert not is_current(url)

    upgrade(url)
    upgrade(url)

    assert is_current(url)


@pytest.mark.parametrize("is_older", [False, True])
def test_nobody_else_on_the_machine_may_read_it(url: str, *, is_older: bool) -> None:
    """Hashes of passwords lie in it; a file that an earlier version made open is shut."""
    if is_older:
        upgrade(url)
        file_of(url).chmod(0o644)

    upgrade(url)
    store = SqlStore(open_database(url))
    with store.begin() as work:
        work.people.all()
        modes = {one.name: one.stat().st_mode & 0o007 for one in file_of(url).parent.iterdir()}
    store.close()

    assert modes == dict.fromkeys(modes, 0)
    assert file_of(url).stat().st_mode & 0o600 == 0o600


def test_migrations_make_exactly_the_tables_that_the_code_works_with(url: str) -> None:
    """Nobody forgets the migration when a table changes."""
    upgrade(url)
    engine = open_database(url)

    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()

    assert differences == []


def test_the_database_keeps_what_it_has_said_it_kept(url: str) -> None:
    """Write-ahead log, every commit on the disk, foreign keys on."""
    upgrade(url)
    engine = open_database(url)

    with engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    engine.dispose()

    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://user:secret@host/name", "only SQLite is"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("feedsrv.db", "must look like sqlite:"),
    ],
)
def test_other_databases_are_refused_in_clear_words(url: str, words: str) -> None:
    """And no password is repeated."""
    with pytest.raises(DatabaseUrlError, match=words) as refused:
        open_database(url)

    assert "secret" not in str(refused.value)


def test_a_file_that_is_no_database_is_named_and_kept(url: str) -> None:
    """The operator learns what is wrong; nothing is overwritten."""
    path = file_of(url)
    path.parent.mkdir()
    path.write_text("these are my notes, " * 100)

    with pytest.raises(StoreNotReadyError, match="not a database"):
        upgrade(url)

    assert path.read_text().startswith("these are my notes")


def test_a_database_without_tables_says_what_to_do(url: str) -> None:
    """It is not mistaken for an empty one."""
    file_of(url).parent.mkdir()
    store = SqlStore(open_database(url))

    with pytest.raises(StoreNotReadyError, match="up to date"), store.look() as work:
        work.products.all()
    store.close()


def test_whoever_waits_too_long_for_another_process_is_told(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that hangs elsewhere does not hang this one for ever."""
    monkeypatch.setattr("feedsrv.stores.database._WAIT", 0.05)
    upgrade(url)
    store = SqlStore(open_database(url))

    with closing(sqlite3.connect(file_of(url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError, match="try again"), store.begin():
            pass
    store.close()


def test_a_read_only_place_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    """A file where the folder should be cannot hold a database."""
    (tmp_path / "data").write_text("a file")

    with pytest.raises(StoreNotReadyError, match="cannot be made"):
        upgrade(f"sqlite:///{tmp_path}/data/feedsrv.db")


def test_a_database_of_the_first_version_is_brought_up_to_date_and_back(url: str) -> None:
    """Its records stay, both ways; only the tables that came later come and go."""
    upgrade(url)
    engine = open_database(url)
    insert = "INSERT INTO products VALUES ('exchange-2019', '{}')"
    with engine.execution_options(feedsrv_writes=True).begin() as connection:
        connection.exec_driver_sql(insert)
        _migrate(connection, command.downgrade, "0001")
        first = set(inspect(connection).get_table_names())

    assert not is_current(url)
    upgrade(url)

    with engine.connect() as connection:
        now = set(inspect(connection).get_table_names())
        products = connection.exec_driver_sql("SELECT id FROM products").scalars().all()
    engine.dispose()
    assert now - first == {
        "answers",
        "deliveries",
        "notices",
        "people",
        "rate_limits",
        "sign_ins",
        "tokens",
        "webhooks",
        "announcements",
        "conditions",
        "keys",
        "policies",
        "revocation_lists",
        "revocations",
        "stamps",
    }
    assert products == ["exchange-2019"]


def _migrate(connection: Connection, step: Callable[[Config, str], None], to: str) -> None:
    config = database._config()
    config.attributes["connection"] = connection
    step(config, to)
