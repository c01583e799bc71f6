"""Feeds on the database: which are current, and which version numbers are taken."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from feedsrv.clock import to_text
from feedsrv.model.feed import Feed
from feedsrv.publishing.records import Head, Version, VersionState
from feedsrv.stores import tables
from feedsrv.stores.sql_rows import MOST, keep_row
from feedsrv.stores.words import from_json, to_json


class SqlFeeds:
    """Which feeds are current, and which version numbers are taken."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def head(self, product: str, channel: str) -> Head | None:
        """The current version, or None before the first."""
        table = tables.feeds
        wanted = select(table).where(table.c.product == product, table.c.channel == channel)
        row = self._connection.execute(wanted).one_or_none()
        return None if row is None else _head(row)

    def heads(self) -> tuple[Head, ...]:
        """Every current feed, in order of product and channel."""
        table = tables.feeds
        rows = self._connection.execute(select(table).order_by(table.c.product, table.c.channel))
        return tuple(map(_head, rows))

    def versions(self, product: str, channel: str) -> tuple[Version, ...]:
        """The history of one feed, oldest first."""
        table = tables.feed_versions
        wanted = select(table).where(table.c.product == product, table.c.channel == channel)
        return tuple(map(_version, self._connection.execute(wanted.order_by(table.c.number))))

    def page(self, product: str, channel: str, *, before: int | None, limit: int) -> tuple[Version, ...]:
        """That many versions of one feed, newest first."""
        table = tables.feed_versions
        wanted = select(table).where(table.c.product == product, table.c.channel == channel)
        if before is not None:
            wanted = wanted.where(table.c.number < max(-MOST, min(before, MOST)))
        rows = self._connection.execute(wanted.order_by(table.c.number.desc()).limit(limit))
        return tuple(map(_version, rows))

    def version(self, product: str, channel: str, number: int) -> Version | None:
        """One version, or None."""
        table = tables.feed_versions
        if abs(number) > MOST:
            return None
        wanted = select(table).where(table.c.product == product, table.c.channel == channel)
        row = self._connection.execute(wanted.where(table.c.number == number)).one_or_none()
        return None if row is None else _version(row)

    def last_number(self, product: str, channel: str) -> int:
        """The highest version number that was published or burnt."""
        table = tables.feed_versions
        wanted = select(func.max(table.c.number)).where(
            table.c.product == product, table.c.channel == channel
        )
        return self._connection.scalar(wanted) or 0

    def move(self, head: Head, *, at: datetime) -> None:
        """Make this version current, and add it to the history."""
        feed = head.feed
        version = Version(feed.product, feed.channel, feed.version, VersionState.PUBLISHED, at, head.digest)
        self._remember(version)
        values = {
            "version": feed.version,
            "digest": head.digest,
            "size": head.size,
            "words": to_json(feed),
        }
        keep_row(self._connection, tables.feeds, {"product": feed.product, "channel": feed.channel}, values)

    def burn(self, product: str, channel: str, number: int, *, at: datetime) -> None:
        """Never use this version number again."""
        self._remember(Version(product, channel, number, VersionState.BURNT, at, None))

    def _remember(self, version: Version) -> None:
        self._connection.execute(
            insert(tables.feed_versions).values(
                product=version.product,
                channel=version.channel,
                number=version.number,
                state=version.state.value,
                at=to_text(version.at),
                digest=version.digest,
            )
        )


def _head(row: Row[Any]) -> Head:
    return Head(from_json(Feed, row.words), row.digest, row.size)


def _version(row: Row[Any]) -> Version:
    return Version(
        row.product,
        row.channel,
        row.number,
        VersionState(row.state),
        datetime.fromisoformat(row.at),
        row.digest,
    )
