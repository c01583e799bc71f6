"""Keeping one row, in the one way that every database understands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Table, func, insert, select, update

from feedsrv.clock import to_text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


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


def row_of(record: DataclassInstance, *without: str) -> dict[str, object]:
    """The columns of a record whose fields are named as they are: moments as text, sets as sorted JSON."""
    return {one.name: _plain(getattr(record, one.name)) for one in fields(record) if one.name not in without}


def _plain(value: object) -> object:
    match value:
        case datetime():
            return to_text(value)
        case Enum():
            return value.value
        case frozenset():
            return json.dumps(sorted(str(_plain(one)) for one in value))
        case tuple():
            return json.dumps(value)
        case _:
            return value


MOST: Final = 2**63 - 1
"""The highest number that a database can be asked for."""


def moment(text: str | None) -> datetime | None:
    """The moment that a column holds, or None."""
    return None if text is None else datetime.fromisoformat(text)


def next_number(connection: Connection, table: Table) -> int:
    """The number of the next row; counts from 1. Writers queue, so no two get the same."""
    return (connection.scalar(select(func.max(table.c.number))) or 0) + 1
