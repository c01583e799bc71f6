"""Certifying a root or an issuing CA under another root, so that whoever pins that one believes it, too.

Of a root this makes the voucher that is announced with it. Of an issuing CA it makes a second certificate
that stands in documents beside the first: agents that pin either root then find their way. Both are acts
of a root, whose key is taken from its safe for that.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.clock import Clock
from feedsrv.errors import BadInputError
from feedsrv.publishing.audit import record
from feedsrv.publishing.generations import short_name
from feedsrv.publishing.key_register.desk import refuse_revoked
from feedsrv.publishing.key_register.keyring import AUTHORITIES, HeldKey, Keyring
from feedsrv.publishing.key_register.making import authority_of
from feedsrv.publishing.key_register.using import record_again
from feedsrv.publishing.people import checked_name
from feedsrv.publishing.ports import Store
from feedsrv.publishing.trust_records import KeyStage
from feedsrv.signing.issuing import cross_certify
from feedsrv.trust.certificates import name_of
from feedsrv.trust.profile import Role, fingerprint

log: Final = logging.getLogger(__name__)


class BadVoucherError(BadInputError):
    """That certificate cannot be certified under that root."""

    code = "trust.bad_voucher"


@dataclass(frozen=True)
class Vouched:
    """The certificate that was made, and what to do with it."""

    certificate: x509.Certificate
    told: str


class VouchingDesk:
    """Certifies under another root."""

    def __init__(self, store: Store, ring: Keyring, *, now: Clock) -> None:
        self._store = store
        self._ring = ring
        self._now = now

    def vouch(self, wanted: str, *, issuer: str, by: str) -> Vouched:
        """Certify the name and key of a root or issuing CA under the root `issuer`, both by fingerprint.

        Raises:
            UnknownKeyError, BadFingerprintError: there is no such key.
            BadVoucherError: it is no CA, that is no root, or they are the same.
            RevokedKeyError: it was revoked, or its key is in wrong hands.
            NoAuthorityError: the root's key is not here.
            WrongKeyStageError: somebody else has changed the CA's record meanwhile.
            SigningError, KeyAwayError: it cannot be used, or not now.
        """
        actor, at = checked_name(by), self._now()
        held, root = self._ring.find(wanted), self._ring.find(issuer)
        _check(held, root)
        with self._store.look() as work:
            refuse_revoked(work, held.chain[:1], self._ring)
        made = cross_certify(held.chain[0], authority_of(root), now=at)
        with self._store.begin() as work:
            if held.role is not Role.ROOT and held.record is not None:
                current = record_again(work, held)
                chain = (*current.chain, made.public_bytes(Encoding.DER))
                work.keys.save(replace(current, chain=chain))
            record(
                work.audit,
                at,
                actor=actor,
                verb="trust.vouch",
                subject=f"{held.role} {held.id}",
                detail={
                    "certificate": fingerprint(made),
                    "serial": f"{made.serial_number:x}",
                    "under": name_of(root.chain[0]),
                },
            )
        log.info("trust.vouched", extra={"certificate": held.id, "under": root.id, "by": actor})
        return Vouched(made, _told(held, root))


def _check(held: HeldKey, root: HeldKey) -> None:
    for one in (held, root):
        if not one.chain or one.role not in AUTHORITIES or one.stage is KeyStage.RETIRED:
            raise BadVoucherError(
                f"{one} is no CA with a certificate that is still to be used; nothing else is certified so"
            )
    if root.role is not Role.ROOT:
        raise BadVoucherError(f"{root} is no root: only roots vouch, since agents pin roots")
    if held.key == root.key:
        raise BadVoucherError(f"{held} cannot vouch for itself; name another root")
    if held.chain[0].issuer == root.chain[0].subject and held.role is not Role.ROOT:
        raise BadVoucherError(
            f"{held} was issued by {short_name(root.chain[0])} already; name the other root that agents pin"
        )


def _told(held: HeldKey, root: HeldKey) -> str:
    if held.role is Role.ROOT:
        return (
            f"announce {held.id[:16]} now with `feedsrv trust announce --certificates` and that file: agents "
            f"that pin {short_name(root.chain[0])} will then trust it by themselves"
        )
    if held.record is not None:
        return "signers that are issued under this CA from now on carry it beside the CA's first certificate"
    return f"put it at the end of the signer's chain file, which {held.source} keeps"
