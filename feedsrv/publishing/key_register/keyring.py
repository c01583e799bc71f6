"""Every key and certificate that is known here: those of the register, and those that others keep.

A setting may name a signer or anchors, and a development PKI keeps its own; they are seen here beside the
register's, so that whoever lists, issues or revokes need not know who keeps what.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from feedsrv.publishing.key_register.refusals import BadFingerprintError, UnknownKeyError
from feedsrv.publishing.trust_records import KeyRecord, KeyStage
from feedsrv.trust.certificates import UNREADABLE
from feedsrv.trust.profile import ISSUERS, SIGNERS, Kind, Role, fingerprint, spki_id

REGISTER: Final = "register"
AUTHORITIES: Final = frozenset({Role.ROOT, *ISSUERS.values()})
"""The roles that issue certificates."""
_LEAST_DIGITS: Final = 8
_DIGITS: Final = re.compile(rf"[0-9a-f]{{{_LEAST_DIGITS},64}}")


@dataclass(frozen=True)
class HeldKey:
    """One key with one certificate, or with the request for it, whoever keeps it."""

    key: str
    """SHA-256 of the public key, as hexadecimal digits."""
    role: Role
    stage: KeyStage
    chain: tuple[x509.Certificate, ...]
    """The certificate, then its issuers in order; empty while it is only requested."""
    place: str | None
    """URI of the private key; None where it is not ours to use."""
    source: str = REGISTER
    """Who keeps it: the register, a setting by its name, or the development PKI."""
    list_name: str | None = None
    """For a CA whose revocation list has a name already: that name, without `.crl`."""
    record: KeyRecord | None = None
    """As the register keeps it."""

    @classmethod
    def of(cls, record: KeyRecord) -> HeldKey:
        """A record of the register."""
        chain = tuple(map(x509.load_der_x509_certificate, record.chain))
        return cls(record.key, record.role, record.stage, chain, record.place, record=record)

    @classmethod
    def kept_by(  # noqa: PLR0913 -- the fields that others know
        cls,
        source: str,
        role: Role,
        chain: Sequence[x509.Certificate],
        place: str | None = None,
        *,
        list_name: str | None = None,
        stage: KeyStage = KeyStage.IN_USE,
    ) -> HeldKey:
        """A key that is not the register's."""
        key = spki_id(chain[0].public_key())
        return cls(key, role, stage, tuple(chain), place, source, list_name)

    @property
    def certificate(self) -> x509.Certificate | None:
        """Its certificate, or None while it is only requested."""
        return self.chain[0] if self.chain else None

    @property
    def id(self) -> str:
        """The certificate's fingerprint, or the key's while there is none."""
        return fingerprint(self.chain[0]) if self.chain else self.key

    @property
    def is_set(self) -> bool:
        """True where a setting names it, which goes before the register."""
        return self.source.startswith("FEEDSRV_")

    @property
    def exportable(self) -> bool:
        """True where the register says that the private key may leave its place."""
        return self.record is not None and self.record.exportable

    def __str__(self) -> str:
        return f"{self.role} {self.id[:16]}"


@dataclass(frozen=True)
class Keyring:
    """All that is known."""

    keys: tuple[HeldKey, ...]

    @classmethod
    def of(cls, records: Iterable[KeyRecord], outside: Iterable[HeldKey]) -> Keyring:
        """The register's keys, then the others; one that both keep is the register's."""
        kept = [HeldKey.of(record) for record in records]
        ours = {one.id for one in kept}
        return cls((*kept, *(one for one in outside if one.id not in ours)))

    def find(self, written: str) -> HeldKey:
        """The one whose fingerprint begins with these digits; colons and blanks do not count.

        Raises:
            BadFingerprintError: too few digits, other characters, or the beginning of several.
            UnknownKeyError: there is none.
        """
        digits = digits_of(written)
        found = [one for one in self.keys if one.id.startswith(digits)]
        # A key may be named by its own fingerprint, too, as long as it has one certificate.
        found = found or [one for one in self.keys if one.key.startswith(digits)]
        if not found:
            raise UnknownKeyError(
                f"there is no key or certificate {digits[:16]}...: `feedsrv key list` shows what is known"
            )
        if len(found) > 1:
            listed = ", ".join(one.id for one in found)
            raise BadFingerprintError(f"{digits} is the beginning of several: {listed}; write more digits")
        return found[0]

    def authorities(self) -> Iterator[HeldKey]:
        """Every CA of ours with a certificate that is not retired."""
        for one in self.keys:
            if one.role in AUTHORITIES and one.chain and one.stage is not KeyStage.RETIRED:
                yield one

    def issuers_of(self, certificate: x509.Certificate) -> Iterator[x509.Certificate]:
        """Every certificate known here whose key signed that one; itself, for a root."""
        for one in self.certificates():
            if issued(certificate, one):
                yield one

    def certificates(self) -> tuple[x509.Certificate, ...]:
        """Every certificate of every chain, each once."""
        return tuple(dict.fromkeys(certificate for one in self.keys for certificate in one.chain))

    def anchors(self, *stages: KeyStage) -> tuple[x509.Certificate, ...]:
        """The roots at these stages."""
        found = (
            one.chain[0] for one in self.keys if one.role is Role.ROOT and one.chain and one.stage in stages
        )
        return tuple(dict.fromkeys(found))

    def in_use(self, role: Role) -> tuple[HeldKey, ...]:
        """The register's keys of that role that are in use."""
        return tuple(
            one for one in self.keys if one.record and one.role is role and one.stage is KeyStage.IN_USE
        )

    def signers(self) -> Iterator[tuple[Kind, HeldKey]]:
        """Every key that signs documents now, whoever keeps it."""
        for kind, role in SIGNERS.items():
            for one in self.keys:
                if one.role is role and one.stage is KeyStage.IN_USE:
                    yield kind, one


def digits_of(written: str) -> str:
    """A fingerprint, or the beginning of one, as lower-case hexadecimal digits.

    >>> digits_of("AB:CD:EF:01:23")
    'abcdef0123'

    Raises:
        BadFingerprintError: too few digits, or other characters.
    """
    digits = written.lower().replace(":", "").replace(" ", "")
    if not _DIGITS.fullmatch(digits):
        raise BadFingerprintError(
            f"{written[:80]!r} is no SHA-256 fingerprint: write at least its first {_LEAST_DIGITS} "
            "hexadecimal digits, as `feedsrv key list` shows them"
        )
    return digits


def issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """True where the issuer's name and key are those that signed the certificate."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def organisation_of(subject: x509.Name) -> str | None:
    """The O of a subject; None where there is none, or more than one."""
    found = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(found[0].value) if len(found) == 1 else None


def without_roots(chain: Iterable[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """A chain as documents carry it: those who check it have the root already."""
    return tuple(one for one in chain if one.subject != one.issuer)
