"""Laying a key down for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cryptography import x509

from feedsrv.publishing.key_register.desk import Desk
from feedsrv.publishing.key_register.keyring import AUTHORITIES, HeldKey, Keyring
from feedsrv.publishing.key_register.refusals import InUseError
from feedsrv.publishing.key_register.using import of_the_register, record_again
from feedsrv.publishing.listed import listed_on
from feedsrv.publishing.strand import left_behind
from feedsrv.publishing.trust_records import KeyRecord, KeyStage
from feedsrv.trust.profile import Kind, Role, spki_id

_Signed = tuple[str, Kind, Sequence[x509.Certificate]]
"""What was signed, what kind of document that is, and the certificates in it."""


class RetiringKeys(Desk):
    """The end of a key's life."""

    def retire(self, written: str, *, by: str) -> KeyRecord:
        """Never use a key again; it stays listed, and stays where it lives. A root is pinned no longer.

        Raises:
            UnknownKeyError: there is no such key.
            InUseError: it is in use, or what agents read was signed under it.
        """
        actor = self._admitted(by)
        with self._told(actor, "key.retire", written[:64]):
            ring = self.keyring()
            held = of_the_register(ring.find(written))
            self._refuse_in_use(held, ring)
            with self._store.begin() as work:
                record = record_again(work, held)
                retired = replace(record, stage=KeyStage.RETIRED)
                work.keys.save(retired)
                if record.stage is not KeyStage.RETIRED:
                    self._write(work, self._now(), actor, "key.retire", record.id, role=record.role.slug)
        return retired

    def _refuse_in_use(self, held: HeldKey, ring: Keyring) -> None:
        if held.role is Role.ROOT:
            if held.stage is KeyStage.IN_USE:
                self._refuse_still_needed(held, ring)
        elif held.role in AUTHORITIES:
            self._refuse_still_above(held, ring)
        elif held.stage is KeyStage.IN_USE:
            raise InUseError(
                f"{held} is in use; put another {held.role} to use first, with `feedsrv key use`"
            )

    def _refuse_still_above(self, held: HeldKey, ring: Keyring) -> None:
        """A CA goes when nothing that agents read was signed under it: its revocation list ends with it."""
        needing = [
            what
            for what, _, chain in self._signed(ring)
            if held.key in {spki_id(one.public_key()) for one in chain}
        ]
        if needing:
            raise InUseError(
                f"{held} is above {', '.join(needing)}: first put another signer to use, under another "
                f"{held.role}, and publish a new revision of these mitigations"
            )

    def _refuse_still_needed(self, held: HeldKey, ring: Keyring) -> None:
        """A root goes when agents that are set up after it can read everything without it."""
        pinned = ring.anchors(KeyStage.IN_USE)
        others = tuple(one for one in pinned if one != held.certificate)
        if not others:
            raise InUseError(
                f"{held} is the only root in use; put another to use first, with `feedsrv key use`"
            )
        at = self._now()
        readable = [one for one in self._signed(ring) if not left_behind(self._policy(pinned), [one], at=at)]
        told = left_behind(self._policy(others), readable, at=at)
        if told:
            listed = "\n".join(f"  {sentence}" for sentence in told)
            raise InUseError(
                f"{held} is still needed:\n{listed}\n"
                "First put signers under another root to use, and publish a new revision of these mitigations"
            )

    def _signed(self, ring: Keyring) -> list[_Signed]:
        found: list[_Signed] = [
            (f"the {signer} ({signer.source}), which is in use", kind, signer.chain)
            for kind, signer in ring.signers()
        ]
        if self._shelf is not None:
            with self._store.look() as work:
                standing = work.revisions.standing()
            listed = listed_on(self._shelf, standing)
            found += [(one.subject, Kind.MITIGATION, one.chain) for one in listed if one.chain]
        return found
