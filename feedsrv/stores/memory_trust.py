"""In memory: keys, revocation, rotation, proofs of time, and trouble that has not ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from feedsrv.publishing.trust_records import (
    AnnouncedCertificate,
    KeyRecord,
    KnownPolicy,
    OpenCondition,
    Revocation,
    RevocationList,
    Stamp,
)


@dataclass
class MemoryKeyRegister:
    """Keys and certificates, by key and certificate."""

    kept: dict[tuple[str, str | None], KeyRecord] = field(default_factory=dict)

    def all(self) -> tuple[KeyRecord, ...]:
        """Every record, oldest first."""
        return tuple(self.kept.values())

    def save(self, record: KeyRecord) -> None:
        """Keep a record; one of the same key and certificate is replaced, and stays in its place."""
        self.kept[record.key, record.certificate] = record

    def remove(self, key: str, certificate: str | None) -> None:
        """Forget that record."""
        self.kept.pop((key, certificate), None)


@dataclass
class MemoryRevocations:
    """What CAs of ours took back, and the newest list of each."""

    kept: dict[tuple[str, int], Revocation] = field(default_factory=dict)
    newest: dict[str, RevocationList] = field(default_factory=dict)

    def of(self, issuer: str) -> tuple[Revocation, ...]:
        """Everything that CA revoked, oldest first."""
        found = (one for one in self.kept.values() if one.issuer == issuer)
        return tuple(sorted(found, key=lambda one: (one.at, one.serial)))

    def add(self, revocation: Revocation) -> None:
        """Keep one more; the same issuer and serial number again changes nothing."""
        self.kept.setdefault((revocation.issuer, revocation.serial), revocation)

    def restate(self, issuer: str, serial: int, *, reason: str) -> None:
        """Give another reason for a revocation that is kept; date and person stay."""
        known = self.kept.get((issuer, serial))
        if known is not None:
            self.kept[issuer, serial] = replace(known, reason=reason)

    def lists(self) -> tuple[RevocationList, ...]:
        """The newest list of each CA, in order of name."""
        return tuple(sorted(self.newest.values(), key=lambda one: one.name))

    def save_list(self, made: RevocationList) -> None:
        """Keep a list; that of the same issuer is replaced."""
        self.newest[made.issuer] = made


@dataclass
class MemoryAnnouncements:
    """Certificates that feeds announce."""

    kept: dict[str, AnnouncedCertificate] = field(default_factory=dict)

    def all(self) -> tuple[AnnouncedCertificate, ...]:
        """Every announcement, in order of its begin and fingerprint."""
        return tuple(sorted(self.kept.values(), key=lambda one: (one.begins, one.fingerprint)))

    def save(self, announced: AnnouncedCertificate) -> None:
        """Keep one; that of the same fingerprint is replaced."""
        self.kept[announced.fingerprint] = announced

    def remove(self, fingerprint: str) -> None:
        """Announce it no longer."""
        self.kept.pop(fingerprint, None)


@dataclass
class MemoryKnownPolicies:
    """What generations of agents are known to trust."""

    kept: dict[str, KnownPolicy] = field(default_factory=dict)

    def all(self) -> tuple[KnownPolicy, ...]:
        """Every policy, in order of name."""
        return tuple(self.kept[name] for name in sorted(self.kept))

    def save(self, policy: KnownPolicy) -> None:
        """Keep one; that of the same name is replaced."""
        self.kept[policy.name] = policy

    def remove(self, name: str) -> None:
        """Forget one."""
        self.kept.pop(name, None)


@dataclass
class MemoryStamps:
    """Proofs of time, by digest of the published document."""

    kept: dict[str, Stamp] = field(default_factory=dict)

    def get(self, digest: str) -> Stamp | None:
        """The stamp of that document, or None."""
        return self.kept.get(digest)

    def save(self, stamp: Stamp) -> None:
        """Keep one; the first of a document stays."""
        self.kept.setdefault(stamp.digest, stamp)


@dataclass
class MemoryOpenConditions:
    """Trouble that began and has not ended."""

    kept: tuple[OpenCondition, ...] = ()

    def all(self) -> tuple[OpenCondition, ...]:
        """Every one, in order of name and subject."""
        return self.kept

    def replace(self, conditions: Iterable[OpenCondition]) -> None:
        """Keep these and no others."""
        named = {(one.name, one.subject): one for one in conditions}
        self.kept = tuple(named[key] for key in sorted(named))
