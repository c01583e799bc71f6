"""People, sign-ins, tokens and repeated answers on the database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select

from feedsrv.clock import to_text
from feedsrv.model.lifecycle import Role
from feedsrv.publishing.people import folded
from feedsrv.publishing.people_records import Answer, Person, SignIn, Token
from feedsrv.stores import tables
from feedsrv.stores.sql_rows import change_row, keep_row, moment, next_number, row_of


class SqlPeople:
    """Everybody who may sign in, or ever might."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, name: str) -> Person | None:
        """Whoever has that name, however it is typed, or None."""
        return next(self._select(tables.people.c.folded == folded(name)), None)

    def of_subject(self, subject: str) -> Person | None:
        """Whoever the identity provider calls so, or None."""
        return next(self._select(tables.people.c.subject == subject), None)

    def all(self) -> tuple[Person, ...]:
        """Everybody, in order of name."""
        return tuple(self._select())

    def is_empty(self) -> bool:
        """True before the first."""
        return not self._connection.scalar(select(func.count()).select_from(tables.people))

    def save(self, person: Person) -> None:
        """Keep a person; one of the same name, however typed, is replaced."""
        keep_row(self._connection, tables.people, {"folded": folded(person.name)}, row_of(person))

    def _select(self, *conditions: ColumnElement[bool]) -> Iterator[Person]:
        table = tables.people
        yield from map(
            _person, self._connection.execute(select(table).where(*conditions).order_by(table.c.folded))
        )


class SqlSignIns:
    """Browsers that are, or were, signed in."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, digest: str) -> SignIn | None:
        """That sign-in, or None."""
        return next(self._select(tables.sign_ins.c.digest == digest), None)

    def of(self, person: str) -> tuple[SignIn, ...]:
        """Those of one person, newest first."""
        return tuple(self._select(tables.sign_ins.c.person == person))

    def of_provider_session(self, name: str) -> tuple[SignIn, ...]:
        """Those that the provider knows by that name."""
        return tuple(self._select(tables.sign_ins.c.provider_session == name))

    def save(self, sign_in: SignIn) -> None:
        """Keep a sign-in; one of the same digest is replaced."""
        keep_row(self._connection, tables.sign_ins, {"digest": sign_in.digest}, row_of(sign_in, "digest"))

    def forget(self, *, before: datetime) -> None:
        """Remove those that ended before then."""
        table = tables.sign_ins
        self._connection.execute(delete(table).where(table.c.ends < to_text(before)))

    def _select(self, condition: ColumnElement[bool]) -> Iterator[SignIn]:
        table = tables.sign_ins
        wanted = select(table).where(condition).order_by(table.c.begins.desc(), table.c.digest)
        yield from map(_sign_in, self._connection.execute(wanted))


class SqlTokens:
    """What programs act by; none is removed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, number: int) -> Token | None:
        """That token, or None."""
        return next(self._select(tables.tokens.c.number == number), None)

    def of_digest(self, digest: str) -> Token | None:
        """The token of that secret's digest, or None."""
        return next(self._select(tables.tokens.c.digest == digest), None)

    def all(self) -> tuple[Token, ...]:
        """Every token, in order of number."""
        return tuple(self._select())

    def add(self, token: Token) -> Token:
        """Keep a new one; returns it with the number it was given."""
        row = row_of(token) | {"number": next_number(self._connection, tables.tokens)}
        self._connection.execute(insert(tables.tokens).values(**row))
        found = self.of_digest(token.digest)
        assert found is not None
        return found

    def save(self, token: Token) -> None:
        """Keep what became of one."""
        change_row(self._connection, tables.tokens, {"number": token.number}, row_of(token, "number"))

    def _select(self, *conditions: ColumnElement[bool]) -> Iterator[Token]:
        table = tables.tokens
        yield from map(
            _token, self._connection.execute(select(table).where(*conditions).order_by(table.c.number))
        )


class SqlAnswers:
    """Answers to requests with an idempotency key."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, key: str) -> Answer | None:
        """What is kept under that key, or None."""
        table = tables.answers
        row = self._connection.execute(select(table).where(table.c.key == key)).one_or_none()
        return None if row is None else _answer(row)

    def save(self, answer: Answer) -> None:
        """Keep one; that of the same key is replaced."""
        keep_row(self._connection, tables.answers, {"key": answer.key}, row_of(answer, "key"))

    def remove(self, key: str) -> None:
        """Forget one."""
        self._connection.execute(delete(tables.answers).where(tables.answers.c.key == key))

    def forget(self, *, before: datetime) -> None:
        """Remove those from before then."""
        self._connection.execute(delete(tables.answers).where(tables.answers.c.at < to_text(before)))


def _roles(text: str) -> frozenset[Role]:
    # A role that a later version knows is not ours to grant.
    return frozenset(Role(one) for one in json.loads(text) if one in set(Role))


def _sure(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _person(row: Row[Any]) -> Person:
    return Person(
        name=row.name,
        shown=row.shown,
        email=row.email,
        subject=row.subject,
        roles=_roles(row.roles),
        password=row.password,
        since=_sure(row.since),
        by=row.by,
        removed_at=moment(row.removed_at),
        failures=row.failures,
        locked_until=moment(row.locked_until),
        signed_in_at=moment(row.signed_in_at),
    )


def _sign_in(row: Row[Any]) -> SignIn:
    return SignIn(
        digest=row.digest,
        person=row.person,
        begins=_sure(row.begins),
        fresh_at=_sure(row.fresh_at),
        seen_at=_sure(row.seen_at),
        ends=_sure(row.ends),
        roles=_roles(row.roles),
        browser=row.browser,
        ended_at=moment(row.ended_at),
        provider_session=row.provider_session,
    )


def _token(row: Row[Any]) -> Token:
    return Token(
        number=row.number,
        digest=row.digest,
        name=row.name,
        owner=row.owner,
        scope=_roles(row.scope),
        made_at=_sure(row.made_at),
        ends=_sure(row.ends),
        revoked_at=moment(row.revoked_at),
        revoked_by=row.revoked_by,
        used_at=moment(row.used_at),
    )


def _answer(row: Row[Any]) -> Answer:
    headers = tuple((name, value) for name, value in json.loads(row.headers))
    return Answer(row.key, row.request, _sure(row.at), row.status, headers, row.body)
