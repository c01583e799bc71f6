"""Taking certificates back, and keeping the lists that say so fresh.

The revocation is written down first and the list is made of what is written: if that is cut short, or the
CA's key is away, the next look finds a list that lacks a revocation, and makes it anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.clock import to_text
from feedsrv.errors import FeedsrvError
from feedsrv.publishing.audit import CLOCK_IS_RIGHT
from feedsrv.publishing.key_register.desk import COMPROMISED, Desk, log, revocations_of
from feedsrv.publishing.key_register.keyring import HeldKey, Keyring
from feedsrv.publishing.key_register.making import authority_of
from feedsrv.publishing.key_register.refusals import NoRevocationError
from feedsrv.publishing.ports import Work
from feedsrv.publishing.trust_records import Revocation, RevocationList
from feedsrv.signing.issuing import REASONS, Authority, issue_crl, renew_crl
from feedsrv.trust.certificates import name_of
from feedsrv.trust.profile import Role, spki_id
from feedsrv.trust.revocation import crl_issued_by

_DIGITS: Final = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Revoked:
    """What became of a revocation."""

    revocation: Revocation
    name: str
    """Of the certificate, for people; its serial number where it is not known here."""
    made: RevocationList | None
    """The new list, or None where it could not be made."""
    why_not: FeedsrvError | None
    """What stood against making it."""
    in_use: tuple[HeldKey, ...]
    """Signers in use that are believed no longer."""
    others: tuple[HeldKey, ...]
    """Further certificates of a key that is in wrong hands, which are not revoked."""
    is_known: bool
    """True where it was revoked before; that date stands, and that reason unless this one is worse."""
    beside: tuple[Revoked, ...] = ()
    """The same of certificates that other roots gave to a CA whose key is in wrong hands."""


@dataclass(frozen=True)
class Lists:
    """What a look at the lists came to."""

    made: tuple[RevocationList, ...]
    failed: tuple[tuple[str, FeedsrvError], ...]
    """Lists that are due and could not be made: which CA, and why."""


class RevokingKeys(Desk):
    """The hard end of a key's life."""

    def revoke(self, written: str, *, reason: str, by: str) -> Revoked:
        """Take back a certificate that is known here, for good.

        Raises:
            UnknownKeyError, BadFingerprintError: there is no such certificate, or several.
            NoRevocationError: it is a root, or its CA is not known here, or the reason is none.
        """
        actor = self._admitted(by)
        with self._told(actor, "key.revoke", written[:64]):
            ring = self.keyring()
            held = ring.find(written)
            if not held.chain:
                raise NoRevocationError(
                    f"{held} has no certificate yet; `feedsrv key retire` lays the request down"
                )
            certificate = held.chain[0]
            if certificate.subject == certificate.issuer:
                raise NoRevocationError(
                    f"{name_of(certificate)} is a root, which nobody can revoke: announce the next one, put "
                    "it to use, and have agents pin this one no longer"
                )
            issuer = next(iter(ring.issuers_of(certificate)), None)
            if issuer is None:
                raise NoRevocationError(
                    f"the CA that issued {name_of(certificate)} is not known here; revoke it there, and put "
                    "that CA's list into the folder of FEEDSRV_CRLS"
                )
            beside: list[Revoked] = []
            if reason in COMPROMISED:
                # These first: a command that is cut short then leaves the CA itself to be revoked again.
                for other, root in _bridges(ring, held):
                    number, name = other.serial_number, name_of(other)
                    beside.append(self._revoke(ring, root, number, reason, actor, name))
            number, name = certificate.serial_number, name_of(certificate)
            return replace(self._revoke(ring, issuer, number, reason, actor, name), beside=tuple(beside))

    def revoke_serial(self, serial: str, *, issuer: str, reason: str, by: str) -> Revoked:
        """Take back a certificate that is known by its serial number alone, hexadecimal, and by its CA.

        Raises:
            UnknownKeyError, BadFingerprintError: there is no such CA, or several.
            NoRevocationError: that is no serial number, or no CA, or the reason is none.
        """
        actor = self._admitted(by)
        digits = serial.lower().replace(":", "").replace(" ", "").removeprefix("0x")
        if not digits or len(digits) > 40 or not _DIGITS.issuperset(digits) or int(digits, 16) == 0:
            raise NoRevocationError(
                f"{serial[:60]!r} is no serial number: write hexadecimal digits, such as 4f3a09"
            )
        with self._told(actor, "key.revoke", f"serial {digits}"):
            ring = self.keyring()
            held = ring.find(issuer)
            if held not in ring.authorities():
                raise NoRevocationError(
                    f"{held} issues no certificates; name the CA that issued serial {digits}"
                )
            return self._revoke(ring, held.chain[0], int(digits, 16), reason, actor, f"serial {digits}")

    def _revoke(  # noqa: PLR0913, PLR0917 -- all that a revocation says
        self, ring: Keyring, issuer: x509.Certificate, serial: int, reason: str, by: str, name: str
    ) -> Revoked:
        if reason not in REASONS:
            raise NoRevocationError(
                f"{reason[:40]!r} is no reason for a revocation; the reasons are {', '.join(REASONS)}"
            )
        key, at = spki_id(issuer.public_key()), self._now()
        with self._store.begin() as work:
            known = next((one for one in work.revocations.of(key) if one.serial == serial), None)
            revocation = known or Revocation(key, serial, at, reason, by)
            # A key may be found to be stolen after its certificate was taken back for less: from then on
            # nothing is certified for it again.
            is_worse = known is not None and reason in COMPROMISED and known.reason not in COMPROMISED
            if is_worse:
                work.revocations.restate(key, serial, reason=reason)
                revocation = replace(revocation, reason=reason)
            if known is None:
                work.revocations.add(revocation)
            if known is None or is_worse:
                self._write(
                    work,
                    at,
                    by,
                    "key.revoke",
                    name,
                    reason=reason,
                    serial=f"{serial:x}",
                    issuer=name_of(issuer),
                )
        self._after("revocation saved")
        made, why_not = None, None
        try:
            made = self._make_list(_authorities(ring)[key], by)
        except FeedsrvError as refusal:
            why_not = refusal
        except KeyError:
            why_not = NoRevocationError(f"{name_of(issuer)} is no CA of ours")
        in_use = tuple(_under(ring, key, serial))
        others = self._others(ring, serial) if revocation.reason in COMPROMISED else ()
        return Revoked(revocation, name, made, why_not, in_use, others, known is not None)

    def _others(self, ring: Keyring, serial: int) -> tuple[HeldKey, ...]:
        certified = [one for one in ring.keys if one.chain]
        keys = {one.key for one in certified if one.chain[0].serial_number == serial}
        with self._store.look() as work:
            return tuple(
                one
                for one in certified
                if one.key in keys
                and not revocations_of(work, one.chain[:1], ring)
                and one.role is not Role.ROOT
            )

    def make_lists(self, *, by: str, clock_is_right: bool = False) -> Lists:
        """Make the list of every CA anew whose key is at hand.

        With `clock_is_right`, somebody says that the clock was ahead before and is right now. What was done
        meanwhile stands in nobody's way from then on, and the lists begin now.
        """
        actor = self._admitted(by, clock_is_right=clock_is_right)
        if clock_is_right:
            with self._store.begin() as work:
                self._write(work, self._now(), actor, CLOCK_IS_RIGHT, "this machine's clock")
        return self._make_all(tuple(_authorities(self.keyring()).values()), actor, from_now=clock_is_right)

    def renew_lists(self, *, by: str) -> Lists:
        """Make those lists anew that are in the last third of their life, or lack a revocation."""
        authorities = _authorities(self.keyring())
        with self._store.look() as work:
            due = tuple(held for key, held in authorities.items() if _is_due(work, key, self._now()))
        return self._make_all(due, self._admitted(by))

    def unlisted(self, lists: Sequence[x509.CertificateRevocationList]) -> tuple[str, ...]:
        """The CAs that took something back of which none of these lists says so."""
        with self._store.look() as work:
            return tuple(
                str(held)
                for key, held in _authorities(self._ring(work)).items()
                if {one.serial for one in work.revocations.of(key)}
                - {entry.serial_number for crl in lists if crl_issued_by(crl, held.chain[0]) for entry in crl}
            )

    def _make_all(self, authorities: tuple[HeldKey, ...], by: str, *, from_now: bool = False) -> Lists:
        made: list[RevocationList] = []
        failed: list[tuple[str, FeedsrvError]] = []
        for held in authorities:
            try:
                made.append(self._make_list(held, by, from_now=from_now))
            except FeedsrvError as refusal:
                # One CA whose key is away must not let the lists of the others go stale.
                failed.append((name_of(held.chain[0]), refusal))
                log.warning("crl.not_made", extra={"ca": name_of(held.chain[0]), "code": refusal.code})
        return Lists(tuple(made), tuple(failed))

    def _make_list(self, held: HeldKey, by: str, *, from_now: bool = False) -> RevocationList:
        """Sign the list of one CA, and keep it; anew where somebody else was faster."""
        authority = authority_of(held)
        while True:
            at = self._now()
            with self._store.look() as work:
                basis = _basis(work, held.key)
                names = {one.name for one in work.revocations.lists()}
            revoked, before = basis
            crl = _signed(authority, revoked, before, at, from_now=from_now)
            self._after("list signed")
            ends = crl.next_update_utc
            assert ends is not None, "ours say until when they hold"
            made = RevocationList(
                issuer=held.key,
                name=before.name if before else _free_name(held, names),
                number=crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number,
                begins=crl.last_update_utc,
                ends=ends,
                der=crl.public_bytes(Encoding.DER),
            )
            with self._store.begin() as work:
                if _basis(work, held.key) != basis:
                    continue  # Theirs may say more, under the same number: it must not be taken off again.
                work.revocations.save_list(made)
                self._write(
                    work,
                    at,
                    by,
                    "key.crl",
                    made.name,
                    number=str(made.number),
                    revoked=str(len(revoked)),
                    ends=to_text(ends),
                )
            self._after("list saved")
            log.info("crl.made", extra={"crl": made.name, "number": made.number, "by": by})
            return made


def _basis(work: Work, key: str) -> tuple[tuple[Revocation, ...], RevocationList | None]:
    """What the next list of a CA rests on: what is revoked, and the list before."""
    before = next((one for one in work.revocations.lists() if one.issuer == key), None)
    return work.revocations.of(key), before


def _signed(
    authority: Authority,
    revoked: tuple[Revocation, ...],
    before: RevocationList | None,
    at: datetime,
    *,
    from_now: bool,
) -> x509.CertificateRevocationList:
    entries = [(one.serial, one.at, one.reason) for one in revoked]
    if before is None:
        return issue_crl(authority, revoked=entries, now=at)
    # After a clock that went back, number and begin still lie above those of the list before.
    previous = x509.load_der_x509_crl(before.der)
    return renew_crl(authority, previous, revoked=entries, now=at, from_now=from_now)


def _authorities(ring: Keyring) -> dict[str, HeldKey]:
    """The CAs of ours by their keys; of several certificates of one key, one whose key is at hand."""
    found: dict[str, HeldKey] = {}
    for held in ring.authorities():
        if held.key not in found or found[held.key].place is None:
            found[held.key] = held
    return found


def _is_due(work: Work, key: str, at: datetime) -> bool:
    made = next((one for one in work.revocations.lists() if one.issuer == key), None)
    revoked = work.revocations.of(key)
    if made is None:
        return bool(revoked)
    if at >= made.ends - (made.ends - made.begins) / 3:
        return True
    listed = {one.serial_number for one in x509.load_der_x509_crl(made.der)}
    return any(one.serial not in listed for one in revoked)


def _free_name(held: HeldKey, taken: set[str]) -> str:
    if held.list_name is not None and held.list_name not in taken:
        return held.list_name
    # Two CAs of one role, old and new, have lists side by side for years.
    return f"{held.role.slug}-{held.key[:16]}"


def _bridges(ring: Keyring, held: HeldKey) -> Iterator[tuple[x509.Certificate, x509.Certificate]]:
    """Further certificates of a CA's key that stand in chains alone, each with the root that issued it."""
    own = {one.chain[0] for one in ring.keys if one.chain}
    for certificate in ring.certificates():
        if certificate not in own and spki_id(certificate.public_key()) == held.key:
            for root in ring.issuers_of(certificate):
                yield certificate, root
                break


def _under(ring: Keyring, issuer: str, serial: int) -> Iterator[HeldKey]:
    """The signers in use in whose chain that certificate stands."""
    for _, signer in ring.signers():
        for certificate in signer.chain:
            issuers = (spki_id(one.public_key()) for one in ring.issuers_of(certificate))
            if certificate.serial_number == serial and issuer in issuers:
                yield signer
                break
