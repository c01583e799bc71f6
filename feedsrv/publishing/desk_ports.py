"""What the desk needs kept: people, sign-ins, tokens, repeated answers, notices and who is sent them.

Parts of a `Work`; `feedsrv.stores` holds the back ends, asked the same questions in `tests/contract`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from feedsrv.publishing.notice_records import Delivery, Notice, Webhook
from feedsrv.publishing.people_records import Answer, Person, SignIn, Token


class People(Protocol):
    """Everybody who may sign in, or ever might; nobody is removed from here."""

    def find(self, name: str) -> Person | None:
        """Whoever has that name, however it is typed, or None."""

    def of_subject(self, subject: str) -> Person | None:
        """Whoever the identity provider calls so, or None."""

    def all(self) -> tuple[Person, ...]:
        """Everybody, in order of name."""

    def is_empty(self) -> bool:
        """True before the first."""

    def save(self, person: Person) -> None:
        """Keep a person; one of the same name, however typed, is replaced."""


class SignIns(Protocol):
    """Browsers that are, or were, signed in."""

    def get(self, digest: str) -> SignIn | None:
        """That sign-in, or None."""

    def of(self, person: str) -> tuple[SignIn, ...]:
        """Those of one person, newest first."""

    def of_provider_session(self, name: str) -> tuple[SignIn, ...]:
        """Those that the provider knows by that name."""

    def save(self, sign_in: SignIn) -> None:
        """Keep a sign-in; one of the same digest is replaced."""

    def forget(self, *, before: datetime) -> None:
        """Remove those that ended before then."""


class Tokens(Protocol):
    """What programs act by; none is removed."""

    def get(self, number: int) -> Token | None:
        """That token, or None."""

    def of_digest(self, digest: str) -> Token | None:
        """The token of that secret's digest, or None."""

    def all(self) -> tuple[Token, ...]:
        """Every token, in order of number."""

    def add(self, token: Token) -> Token:
        """Keep a new one; returns it with the number it was given."""

    def save(self, token: Token) -> None:
        """Keep what became of one."""


class Answers(Protocol):
    """Answers to requests with an idempotency key."""

    def get(self, key: str) -> Answer | None:
        """What is kept under that key, or None."""

    def save(self, answer: Answer) -> None:
        """Keep one; that of the same key is replaced."""

    def remove(self, key: str) -> None:
        """Forget one: a request that failed may be sent again."""

    def forget(self, *, before: datetime) -> None:
        """Remove those from before then."""


class Notices(Protocol):
    """What people are told of."""

    def add(self, notice: Notice) -> Notice:
        """Keep a new one; returns it with the number it was given."""

    def newest(self, limit: int, *, before: int | None = None) -> tuple[Notice, ...]:
        """That many of the newest, newest first; of those with a lower number than `before`."""

    def after(self, number: int, limit: int) -> tuple[Notice, ...]:
        """That many with a higher number, oldest first."""

    def alarms(self) -> tuple[Notice, ...]:
        """Alarms that are not settled, oldest first."""

    def settle(self, *, kind: str, subject: str, at: datetime) -> None:
        """End every alarm of that kind about that subject."""


class Webhooks(Protocol):
    """Addresses that notices are sent to."""

    def get(self, number: int) -> Webhook | None:
        """That address, or None."""

    def all(self) -> tuple[Webhook, ...]:
        """Every address in use, in order of number."""

    def add(self, webhook: Webhook) -> Webhook:
        """Keep a new one; returns it with the number it was given."""

    def save(self, webhook: Webhook) -> None:
        """Keep what became of one."""


class Deliveries(Protocol):
    """Attempts to send notices."""

    def save(self, delivery: Delivery) -> None:
        """Keep one; that of the same address and notice is replaced."""

    def get(self, webhook: int, notice: int) -> Delivery | None:
        """That delivery, or None."""

    def due(self, at: datetime) -> tuple[Delivery, ...]:
        """Those that are to be tried by then, oldest first."""

    def newest(self, webhook: int, limit: int) -> tuple[Delivery, ...]:
        """That many of one address, newest notice first."""

    def forget(self, *, before: datetime) -> None:
        """Remove those that were done or given up before then."""
