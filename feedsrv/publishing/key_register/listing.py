"""What people are shown of every key: one line for each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from feedsrv.publishing.key_register.desk import Desk, revocations_of
from feedsrv.publishing.key_register.keyring import HeldKey, Keyring
from feedsrv.publishing.ports import Work
from feedsrv.publishing.trust_records import KeyStage
from feedsrv.signing.backends import describe_place
from feedsrv.trust.profile import Role


@dataclass(frozen=True, slots=True)
class Listed:
    """One key with its certificate, or with the request for it."""

    fingerprint: str
    """SHA-256 of the certificate; of the key while there is no certificate."""
    role: Role
    stage: KeyStage
    subject: str
    issuer: str
    """Empty while there is no certificate."""
    serial: str
    """Hexadecimal digits."""
    algorithm: str
    begins: datetime | None
    ends: datetime | None
    days_left: int | None
    """Whole days, below zero once it has ended."""
    place: str
    """Where the private key lives; empty where it is not here."""
    exportable: bool
    source: str
    revoked: str
    """Why it was revoked, empty where it was not."""


class ListingKeys(Desk):
    """Shows what is known."""

    def list(self) -> tuple[Listed, ...]:
        """Every key: those of the register, oldest first, then those that others keep."""
        with self._store.look() as work:
            ring = self._ring(work)
            return tuple(self._listed(work, ring, one) for one in ring.keys)

    def _listed(self, work: Work, ring: Keyring, held: HeldKey) -> Listed:
        certificate = held.certificate
        request = held.record.request if held.record and held.record.request else None
        named = certificate or (x509.load_der_x509_csr(request) if request else None)
        ends = certificate.not_valid_after_utc if certificate else None
        revoked = revocations_of(work, held.chain[:1], ring)
        return Listed(
            fingerprint=held.id,
            role=held.role,
            stage=held.stage,
            subject=named.subject.rfc4514_string() if named else "",
            issuer=certificate.issuer.rfc4514_string() if certificate else "",
            serial=f"{certificate.serial_number:x}" if certificate else "",
            algorithm=algorithm_of(named.public_key()) if named else "",
            begins=certificate.not_valid_before_utc if certificate else None,
            ends=ends,
            days_left=(ends - self._now()).days if ends else None,
            place=describe_place(held.place) if held.place else "",
            exportable=held.exportable,
            source=held.source,
            revoked=revoked[0].reason if revoked else "",
        )


def algorithm_of(key: object) -> str:
    """The kind and size of a public key, for people."""
    match key:
        case rsa.RSAPublicKey(key_size=bits):
            return f"RSA {bits}"
        case ec.EllipticCurvePublicKey(curve=curve):
            return f"EC {curve.name}"
    return "unknown"
