"""Keeping one row, in the one way that every database understands."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Table, insert, update


def keep_row(
    connection: Connection, table: Table, key: Mapping[str, object], values: Mapping[str, object]
) -> None:
    """Change the row of that key, or add it."""
    if not change_row(connection, table, key, values):
        connection.execute(insert(table).values(**key, **values))


def change_row(
    connection: Connection, table: Table, key: Mapping[str, object], values: Mapping[str, object]
) -> bool:
    """Change the row of that key; False where there is none."""
    conditions = [table.c[name] == value for name, value in key.items()]
    return connection.execute(update(table).where(*conditions).values(**values)).rowcount > 0
