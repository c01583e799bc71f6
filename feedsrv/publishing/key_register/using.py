"""Putting a key to use, and handing it out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.clock import to_text
from feedsrv.publishing.key_register.desk import Desk, refuse_revoked, revocations_of
from feedsrv.publishing.key_register.keyring import AUTHORITIES, HeldKey, Keyring, issued, without_roots
from feedsrv.publishing.key_register.refusals import (
    NoPlaceError,
    NoRequestError,
    NotExportableError,
    OtherAuthorityError,
    ProfileError,
    WrongKeyStageError,
)
from feedsrv.publishing.ports import Work
from feedsrv.publishing.strand import StrandError, stranded
from feedsrv.publishing.trust_records import KeyRecord, KeyStage
from feedsrv.signing.backends import describe_place, export_key, open_signer
from feedsrv.trust.believing import check_signer
from feedsrv.trust.certificates import name_of
from feedsrv.trust.looking import lint_certificate
from feedsrv.trust.profile import SIGNERS, Kind, Role

_KINDS: Final = {role: kind for kind, role in SIGNERS.items()}


@dataclass(frozen=True)
class Used:
    """What a switch changed."""

    record: KeyRecord
    before: tuple[KeyRecord, ...]
    """What was in use for that role until now."""
    revoked: frozenset[str]
    """Those of `before`, by fingerprint, that are revoked; the others are ready to be used again."""
    stranded: tuple[str, ...]
    """Which agents will refuse what it signs, a sentence each; empty but where that was insisted on."""
    overruled_by: str | None
    """The setting that names another key for that role, which goes before the register's."""
    is_unchanged: bool = False


class UsingKeys(Desk):
    """The middle of a key's life."""

    def use(self, written: str, *, by: str, strand: bool = False) -> Used:
        """Sign with this key from now on, or have agents pin this root; what was used before stays ready.

        Raises:
            UnknownKeyError, NoRequestError, WrongKeyStageError, RevokedKeyError: it cannot be used.
            ProfileError: a verifier would refuse it by now.
            OtherAuthorityError: its root is not in use, so agents would not believe it.
            UntrustedError: agents would refuse what it signs.
            StrandError: agents with a known policy would; `strand` goes past that.
            SigningError, KeyAwayError: the key cannot be opened, or not now.
        """
        actor = self._admitted(by)
        with self._told(actor, "key.use", written[:64]):
            ring = self.keyring()
            held = of_the_register(ring.find(written))
            _require_certificate(held)
            assert held.record is not None
            with self._store.look() as work:
                refuse_revoked(work, held.chain, ring)
            if held.stage is KeyStage.IN_USE:
                return Used(
                    held.record, (), frozenset(), (), self._overruled_by(held.role), is_unchanged=True
                )
            if held.stage is KeyStage.RETIRED:
                raise WrongKeyStageError(f"{held} was retired, and is never used again; request a new key")
            self._lint(held)
            left_behind = (
                self._judge_signer(held, _KINDS[held.role], ring, strand) if held.role in _KINDS else ()
            )
            return self._switch(held, left_behind, actor)

    def _lint(self, held: HeldKey) -> None:
        """What was good when it came may have ended since."""
        found = lint_certificate(
            held.chain[0], [held.role], at=self._now(), issuers=held.chain[1:], eku=self._eku
        )
        if refused := [one for one in found if one.refused]:
            raise ProfileError(f"{name_of(held.chain[0])} as {held.role}", refused)

    def _judge_signer(self, held: HeldKey, kind: Kind, ring: Keyring, strand: bool) -> tuple[str, ...]:
        """Would what it signs be believed? Sentences about those who would not, where `strand` bears them."""
        at = self._now()
        anchors = ring.anchors(KeyStage.IN_USE)
        if not anchors:
            raise OtherAuthorityError(
                f"no root is in use, so no agent could believe {held}: put its root to use first, with "
                "`feedsrv key use`"
            )
        leads = (anchor in held.chain or issued(one, anchor) for anchor in anchors for one in held.chain)
        if not any(leads):
            raise OtherAuthorityError(
                f"{held} leads to {name_of(held.chain[-1])}, which is not in use, so no agent could believe "
                "it: put that root to use first, with `feedsrv key use`"
            )
        check_signer(held.chain, self._policy(anchors), kind, at=at, source=str(held))
        if held.place is None:
            raise NoPlaceError(f"the private key of {held} is not here; import it with --place")
        # Whoever is to sign tonight is asked today whether it can.
        open_signer(held.place, chain=without_roots(held.chain))
        with self._store.look() as work:
            policies, announced = work.policies.all(), work.announcements.all()
            lists = [x509.load_der_x509_crl(one.der) for one in work.revocations.lists()]
        left_behind = stranded(held.chain, kind, policies, at=at, announced=announced, lists=lists)
        if left_behind and not strand:
            raise StrandError(left_behind)
        return left_behind

    def _switch(self, held: HeldKey, left_behind: tuple[str, ...], by: str) -> Used:
        at = self._now()
        with self._store.begin() as work:
            record = record_again(work, held)
            ring = self._ring(work)
            before = () if record.role in AUTHORITIES else _in_use(work, record.role)
            revoked = frozenset(one.id for one in before if revocations_of(work, HeldKey.of(one).chain, ring))
            for one in before:
                work.keys.save(replace(one, stage=KeyStage.READY))
            used = replace(record, stage=KeyStage.IN_USE)
            work.keys.save(used)
            detail = {"role": record.role.slug, "ends": to_text(held.chain[0].not_valid_after_utc)}
            if before:
                detail["before"] = " ".join(one.id for one in before)
            if left_behind:
                detail["stranded"] = " ".join(left_behind)
            self._write(work, at, by, "key.use", record.id, **detail)
        return Used(used, before, revoked, left_behind, self._overruled_by(held.role))

    def _overruled_by(self, role: Role) -> str | None:
        if role in AUTHORITIES:
            return None
        return next((one.source for one in self._outside if one.role is role and one.is_set), None)

    def export(
        self, written: str, *, by: str, private: bool = False, passphrase: bytes | None = None
    ) -> bytes:
        """Certificate and chain as PEM; with `private` the private key before them, encrypted.

        Raises:
            UnknownKeyError, NoRequestError: there is no such certificate.
            NotExportableError: its private key was not made to leave its place.
            NoPlaceError: its private key is not here, or no passphrase was given.
            SigningError, KeyAwayError: the key cannot be opened, or not now.
        """
        actor = self._admitted(by)
        with self._told(actor, "key.export", written[:64]):
            held = self.keyring().find(written)
            _require_certificate(held)
            exported = b"".join(one.public_bytes(Encoding.PEM) for one in held.chain)
            if private:
                exported = self._private(held, passphrase) + exported
            with self._store.begin() as work:
                self._write(
                    work,
                    self._now(),
                    actor,
                    "key.export",
                    held.id,
                    what="private key and certificates" if private else "certificates",
                )
        return exported

    def _private(self, held: HeldKey, passphrase: bytes | None) -> bytes:
        if held.place is None:
            raise NoPlaceError(f"the private key of {held} is not here")
        if not held.exportable:
            raise NotExportableError(
                f"the private key of {held} was not made to leave {describe_place(held.place)}; request a "
                "new key, with --exportable, if one must"
            )
        if not passphrase:
            raise NoPlaceError(f"the private key of {held} leaves encrypted only: name a passphrase's file")
        return export_key(held.place, passphrase=passphrase)


def of_the_register(held: HeldKey) -> HeldKey:
    """That key, where it is ours to change.

    Raises:
        WrongKeyStageError: others keep it.
    """
    if held.record is None:
        raise WrongKeyStageError(f"{held} is kept by {held.source} and not by the register; change it there")
    return held


def _require_certificate(held: HeldKey) -> None:
    if not held.chain:
        raise NoRequestError(
            f"{held} has no certificate yet: have its request answered and import that, or issue it here"
        )


def record_again(work: Work, held: HeldKey) -> KeyRecord:
    """The record as it is now, since others may have been faster.

    Raises:
        WrongKeyStageError: they were.
    """
    for one in work.keys.all():
        if (one.key, one.certificate) == (held.key, held.record.certificate if held.record else None):
            if one.stage is not held.stage:
                raise WrongKeyStageError(f"{held} is {one.stage} by now; look at `feedsrv key list` again")
            return one
    raise WrongKeyStageError(f"{held} has changed since it was looked at; look at `feedsrv key list` again")


def _in_use(work: Work, role: Role) -> tuple[KeyRecord, ...]:
    return tuple(one for one in work.keys.all() if one.role is role and one.stage is KeyStage.IN_USE)
