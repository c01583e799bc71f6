"""Keys, certificates and their revocation on the database."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from feedsrv.clock import to_text
from feedsrv.publishing.trust_records import KeyRecord, KeyStage, Revocation, RevocationList
from feedsrv.stores import tables
from feedsrv.stores.sql_rows import change_row, keep_row
from feedsrv.trust.profile import Role


class SqlKeyRegister:
    """Keys and certificates, by key and certificate."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[KeyRecord, ...]:
        """Every record, oldest first."""
        wanted = select(tables.keys).order_by(tables.keys.c.number)
        return tuple(map(_record, self._connection.execute(wanted)))

    def save(self, record: KeyRecord) -> None:
        """Keep a record; one of the same key and certificate is replaced, and stays in its place."""
        key = {"key": record.key, "certificate": record.certificate or ""}
        values = {
            # Their names are constants of the code; their words are for people, and may change.
            "role": record.role.name,
            "stage": record.stage.name,
            "place": record.place,
            "exportable": record.exportable,
            "request": record.request,
            "chain": ders_to_text(record.chain),
            "by": record.by,
            "at": to_text(record.at),
        }
        if not change_row(self._connection, tables.keys, key, values):
            last = self._connection.scalar(select(func.max(tables.keys.c.number))) or 0
            self._connection.execute(insert(tables.keys).values(number=last + 1, **key, **values))

    def remove(self, key: str, certificate: str | None) -> None:
        """Forget that record."""
        table = tables.keys
        self._connection.execute(
            delete(table).where(table.c.key == key, table.c.certificate == (certificate or ""))
        )


class SqlRevocations:
    """What CAs of ours took back, and the newest list of each."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, issuer: str) -> tuple[Revocation, ...]:
        """Everything that CA revoked, oldest first."""
        rows = self._connection.execute(
            select(tables.revocations).where(tables.revocations.c.issuer == issuer)
        )
        return tuple(sorted(map(_revocation, rows), key=lambda one: (one.at, one.serial)))

    def add(self, revocation: Revocation) -> None:
        """Keep one more; the same issuer and serial number again changes nothing."""
        if revocation.serial in {one.serial for one in self.of(revocation.issuer)}:
            return
        self._connection.execute(
            insert(tables.revocations).values(
                issuer=revocation.issuer,
                serial=str(revocation.serial),
                at=to_text(revocation.at),
                reason=revocation.reason,
                by=revocation.by,
            )
        )

    def restate(self, issuer: str, serial: int, *, reason: str) -> None:
        """Give another reason for a revocation that is kept; date and person stay."""
        revocations = tables.revocations
        self._connection.execute(
            update(revocations)
            .where(revocations.c.issuer == issuer, revocations.c.serial == str(serial))
            .values(reason=reason)
        )

    def lists(self) -> tuple[RevocationList, ...]:
        """The newest list of each CA, in order of name."""
        wanted = select(tables.revocation_lists).order_by(tables.revocation_lists.c.name)
        return tuple(map(_list, self._connection.execute(wanted)))

    def save_list(self, made: RevocationList) -> None:
        """Keep a list; that of the same issuer is replaced."""
        keep_row(
            self._connection,
            tables.revocation_lists,
            {"issuer": made.issuer},
            {
                "name": made.name,
                "number": str(made.number),
                "begins": to_text(made.begins),
                "ends": to_text(made.ends),
                "der": made.der,
            },
        )


def ders_to_text(ders: Iterable[bytes]) -> str:
    """Several certificates as one text."""
    return json.dumps([b64encode(der).decode("ascii") for der in ders])


def ders_from_text(text: str) -> tuple[bytes, ...]:
    """What `ders_to_text` wrote."""
    return tuple(b64decode(one) for one in json.loads(text))


def _record(row: Row[Any]) -> KeyRecord:
    return KeyRecord(
        key=row.key,
        certificate=row.certificate or None,
        role=Role[row.role],
        stage=KeyStage[row.stage],
        place=row.place,
        exportable=row.exportable,
        request=row.request,
        chain=ders_from_text(row.chain),
        by=row.by,
        at=datetime.fromisoformat(row.at),
    )


def _revocation(row: Row[Any]) -> Revocation:
    return Revocation(row.issuer, int(row.serial), datetime.fromisoformat(row.at), row.reason, row.by)


def _list(row: Row[Any]) -> RevocationList:
    begins, ends = map(datetime.fromisoformat, (row.begins, row.ends))
    return RevocationList(row.issuer, row.name, int(row.number), begins, ends, row.der)
