"""On the database: what is announced, what agents trust, proofs of time, and trouble that has not ended."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from feedsrv.clock import to_text
from feedsrv.publishing.trust_records import AnnouncedCertificate, KnownPolicy, OpenCondition, Stamp
from feedsrv.stores import tables
from feedsrv.stores.sql_keys import ders_from_text, ders_to_text
from feedsrv.stores.sql_rows import keep_row
from feedsrv.trust.profile import Kind, Role


class SqlAnnouncements:
    """Certificates that feeds announce."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[AnnouncedCertificate, ...]:
        """Every announcement, in order of its begin and fingerprint."""
        table = tables.announcements
        wanted = select(table).order_by(table.c.begins, table.c.fingerprint)
        return tuple(map(_announced, self._connection.execute(wanted)))

    def save(self, announced: AnnouncedCertificate) -> None:
        """Keep one; that of the same fingerprint is replaced."""
        keep_row(
            self._connection,
            tables.announcements,
            {"fingerprint": announced.fingerprint},
            {
                "role": announced.role.name,
                "certificate": announced.certificate,
                "begins": to_text(announced.begins),
                "vouchers": ders_to_text(announced.vouchers),
                "by": announced.by,
                "at": to_text(announced.at),
            },
        )

    def remove(self, fingerprint: str) -> None:
        """Announce it no longer."""
        table = tables.announcements
        self._connection.execute(delete(table).where(table.c.fingerprint == fingerprint))


class SqlKnownPolicies:
    """What generations of agents are known to trust."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[KnownPolicy, ...]:
        """Every policy, in order of name."""
        wanted = select(tables.policies).order_by(tables.policies.c.name)
        return tuple(map(_policy, self._connection.execute(wanted)))

    def save(self, policy: KnownPolicy) -> None:
        """Keep one; that of the same name is replaced."""
        keep_row(
            self._connection,
            tables.policies,
            {"name": policy.name},
            {
                "anchors": ders_to_text(policy.anchors),
                "organisation": policy.organisation,
                "policy_oid": policy.policy_oid,
                "eku": json.dumps({kind.value: oid for kind, oid in policy.eku.items()}),
                "since": to_text(policy.since),
                "note": policy.note,
            },
        )

    def remove(self, name: str) -> None:
        """Forget one."""
        self._connection.execute(delete(tables.policies).where(tables.policies.c.name == name))


class SqlStamps:
    """Proofs of time, by digest of the published document."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, digest: str) -> Stamp | None:
        """The stamp of that document, or None."""
        wanted = select(tables.stamps).where(tables.stamps.c.digest == digest)
        row = self._connection.execute(wanted).one_or_none()
        return None if row is None else _stamp(row)

    def save(self, stamp: Stamp) -> None:
        """Keep one; the first of a document stays."""
        if self.get(stamp.digest) is None:
            self._connection.execute(
                insert(tables.stamps).values(
                    digest=stamp.digest,
                    subject=stamp.subject,
                    token=stamp.token,
                    at=to_text(stamp.at),
                    authority=stamp.authority,
                )
            )


class SqlOpenConditions:
    """Trouble that began and has not ended."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[OpenCondition, ...]:
        """Every one, in order of name and subject."""
        table = tables.conditions
        wanted = select(table).order_by(table.c.name, table.c.subject)
        return tuple(
            OpenCondition(row.name, row.subject, datetime.fromisoformat(row.since), row.detail)
            for row in self._connection.execute(wanted)
        )

    def replace(self, conditions: Iterable[OpenCondition]) -> None:
        """Keep these and no others."""
        named = {(one.name, one.subject): one for one in conditions}
        rows = [
            {"name": one.name, "subject": one.subject, "since": to_text(one.since), "detail": one.detail}
            for one in named.values()
        ]
        self._connection.execute(delete(tables.conditions))
        if rows:
            self._connection.execute(insert(tables.conditions), rows)


def _announced(row: Row[Any]) -> AnnouncedCertificate:
    return AnnouncedCertificate(
        fingerprint=row.fingerprint,
        role=Role[row.role],
        certificate=row.certificate,
        begins=datetime.fromisoformat(row.begins),
        vouchers=ders_from_text(row.vouchers),
        by=row.by,
        at=datetime.fromisoformat(row.at),
    )


def _policy(row: Row[Any]) -> KnownPolicy:
    return KnownPolicy(
        name=row.name,
        anchors=ders_from_text(row.anchors),
        organisation=row.organisation,
        policy_oid=row.policy_oid,
        eku={Kind(kind): oid for kind, oid in json.loads(row.eku).items()},
        since=datetime.fromisoformat(row.since),
        note=row.note,
    )


def _stamp(row: Row[Any]) -> Stamp:
    return Stamp(row.digest, row.subject, row.token, datetime.fromisoformat(row.at), row.authority)
