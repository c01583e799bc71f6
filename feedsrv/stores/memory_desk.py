"""In memory: people, sign-ins, tokens, repeated answers, notices and their delivery."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from feedsrv.publishing.notice_records import Delivery, Notice, Webhook, Weight
from feedsrv.publishing.people import folded
from feedsrv.publishing.people_records import Answer, Person, SignIn, Token


@dataclass
class MemoryPeople:
    """Everybody who may sign in, or ever might."""

    kept: dict[str, Person] = field(default_factory=dict)

    def find(self, name: str) -> Person | None:
        """Whoever has that name, however it is typed, or None."""
        return self.kept.get(folded(name))

    def of_subject(self, subject: str) -> Person | None:
        """Whoever the identity provider calls so, or None."""
        return next((one for one in self.kept.values() if one.subject == subject), None)

    def all(self) -> tuple[Person, ...]:
        """Everybody, in order of name."""
        return tuple(self.kept[name] for name in sorted(self.kept))

    def is_empty(self) -> bool:
        """True before the first."""
        return not self.kept

    def save(self, person: Person) -> None:
        """Keep a person; one of the same name, however typed, is replaced."""
        self.kept[folded(person.name)] = person


@dataclass
class MemorySignIns:
    """Browsers that are, or were, signed in."""

    kept: dict[str, SignIn] = field(default_factory=dict)

    def get(self, digest: str) -> SignIn | None:
        """That sign-in, or None."""
        return self.kept.get(digest)

    def of(self, person: str) -> tuple[SignIn, ...]:
        """Those of one person, newest first."""
        found = sorted(
            (one for one in self.kept.values() if one.person == person), key=lambda one: one.digest
        )
        return tuple(sorted(found, key=lambda one: one.begins, reverse=True))

    def of_provider_session(self, name: str) -> tuple[SignIn, ...]:
        """Those that the provider knows by that name."""
        return tuple(one for one in self.kept.values() if one.provider_session == name)

    def save(self, sign_in: SignIn) -> None:
        """Keep a sign-in; one of the same digest is replaced."""
        self.kept[sign_in.digest] = sign_in

    def forget(self, *, before: datetime) -> None:
        """Remove those that ended before then."""
        self.kept = {digest: one for digest, one in self.kept.items() if one.ends >= before}


@dataclass
class MemoryTokens:
    """What programs act by; none is removed."""

    kept: dict[int, Token] = field(default_factory=dict)

    def get(self, number: int) -> Token | None:
        """That token, or None."""
        return self.kept.get(number)

    def of_digest(self, digest: str) -> Token | None:
        """The token of that secret's digest, or None."""
        return next((one for one in self.kept.values() if one.digest == digest), None)

    def all(self) -> tuple[Token, ...]:
        """Every token, in order of number."""
        return tuple(self.kept[number] for number in sorted(self.kept))

    def add(self, token: Token) -> Token:
        """Keep a new one; returns it with the number it was given."""
        numbered = replace(token, number=max(self.kept, default=0) + 1)
        self.kept[numbered.number] = numbered
        return numbered

    def save(self, token: Token) -> None:
        """Keep what became of one."""
        self.kept[token.number] = token


@dataclass
class MemoryAnswers:
    """Answers to requests with an idempotency key."""

    kept: dict[str, Answer] = field(default_factory=dict)

    def get(self, key: str) -> Answer | None:
        """What is kept under that key, or None."""
        return self.kept.get(key)

    def save(self, answer: Answer) -> None:
        """Keep one; that of the same key is replaced."""
        self.kept[answer.key] = answer

    def remove(self, key: str) -> None:
        """Forget one."""
        self.kept.pop(key, None)

    def forget(self, *, before: datetime) -> None:
        """Remove those from before then."""
        self.kept = {key: one for key, one in self.kept.items() if one.at >= before}


@dataclass
class MemoryNotices:
    """What people are told of."""

    kept: dict[int, Notice] = field(default_factory=dict)

    def add(self, notice: Notice) -> Notice:
        """Keep a new one; returns it with the number it was given."""
        numbered = replace(notice, number=max(self.kept, default=0) + 1)
        self.kept[numbered.number] = numbered
        return numbered

    def newest(self, limit: int, *, before: int | None = None) -> tuple[Notice, ...]:
        """That many of the newest, newest first; of those with a lower number than `before`."""
        numbers = sorted((one for one in self.kept if before is None or one < before), reverse=True)
        return tuple(self.kept[number] for number in numbers[:limit])

    def after(self, number: int, limit: int) -> tuple[Notice, ...]:
        """That many with a higher number, oldest first."""
        return tuple(self.kept[one] for one in sorted(self.kept) if one > number)[:limit]

    def alarms(self) -> tuple[Notice, ...]:
        """Alarms that are not settled, oldest first."""
        return tuple(
            self.kept[one]
            for one in sorted(self.kept)
            if self.kept[one].weight is Weight.ALARM and self.kept[one].settled_at is None
        )

    def settle(self, *, kind: str, subject: str, at: datetime) -> None:
        """End every alarm of that kind about that subject."""
        for one in self.alarms():
            if (one.kind, one.subject) == (kind, subject):
                self.kept[one.number] = replace(one, settled_at=at)


@dataclass
class MemoryWebhooks:
    """Addresses that notices are sent to."""

    kept: dict[int, Webhook] = field(default_factory=dict)

    def get(self, number: int) -> Webhook | None:
        """That address, or None."""
        return self.kept.get(number)

    def all(self) -> tuple[Webhook, ...]:
        """Every address in use, in order of number."""
        return tuple(self.kept[one] for one in sorted(self.kept) if self.kept[one].removed_at is None)

    def add(self, webhook: Webhook) -> Webhook:
        """Keep a new one; returns it with the number it was given."""
        numbered = replace(webhook, number=max(self.kept, default=0) + 1)
        self.kept[numbered.number] = numbered
        return numbered

    def save(self, webhook: Webhook) -> None:
        """Keep what became of one."""
        self.kept[webhook.number] = webhook


@dataclass
class MemoryDeliveries:
    """Attempts to send notices; `notices` says how old they are."""

    notices: MemoryNotices
    kept: dict[tuple[int, int], Delivery] = field(default_factory=dict)

    def save(self, delivery: Delivery) -> None:
        """Keep one; that of the same address and notice is replaced."""
        self.kept[delivery.webhook, delivery.notice] = delivery

    def get(self, webhook: int, notice: int) -> Delivery | None:
        """That delivery, or None."""
        return self.kept.get((webhook, notice))

    def due(self, at: datetime) -> tuple[Delivery, ...]:
        """Those that are to be tried by then, oldest first."""
        waiting = [(one.next_at, one) for one in self.kept.values() if one.next_at is not None]
        due = [(when, one) for when, one in waiting if when <= at]
        return tuple(
            one for _, one in sorted(due, key=lambda pair: (pair[0], pair[1].notice, pair[1].webhook))
        )

    def newest(self, webhook: int, limit: int) -> tuple[Delivery, ...]:
        """That many of one address, newest notice first."""
        found = [one for one in self.kept.values() if one.webhook == webhook]
        return tuple(sorted(found, key=lambda one: one.notice, reverse=True)[:limit])

    def forget(self, *, before: datetime) -> None:
        """Remove those that were done or given up before then."""
        self.kept = {
            key: one
            for key, one in self.kept.items()
            if one.next_at is not None or self.notices.kept[one.notice].at >= before
        }
