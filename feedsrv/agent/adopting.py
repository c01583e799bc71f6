"""Judging what a feed announces: which roots are to be adopted, and why the others are not.

Whoever holds the feed key alone gains nothing by an announcement. A root counts only where an anchor that
counts already vouches for it, by a certificate for the same name and key that says so on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from cryptography import x509

from feedsrv.agent.anchors import Adopted
from feedsrv.agent.trusting import Trust
from feedsrv.model.feed import Announcement
from feedsrv.trust.certificates import UNREADABLE
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import fingerprint
from feedsrv.trust.refusals import UntrustedError
from feedsrv.trust.vouching import check_voucher

ROOT: Final = "root"


class Standing(StrEnum):
    """What an announced certificate is to this agent."""

    PINNED = "pinned"
    ADOPTED = "adopted"
    TO_ADOPT = "adopted at the next sync"
    FORGOTTEN = "forgotten by an administrator"
    NOT_TRUSTED = "not trusted"
    FOR_INFORMATION = "for information"
    """An issuing CA: nothing needs to be done, since its root is what counts."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One announcement, and what comes of it."""

    announcement: Announcement
    standing: Standing
    subject: str
    why: str = ""
    """Where it is not trusted."""
    adoption: Adopted | None = None
    """Where it is to be adopted."""


@dataclass(frozen=True)
class Judge:
    """Judges announcements as one agent does at one time."""

    trust: Trust
    policy: TrustPolicy
    """The same trust, with every revocation list at hand."""
    forgotten: frozenset[str]
    may_adopt: bool
    at: datetime

    def judge(self, one: Announcement) -> Judged:
        """Say what an announcement is to this agent."""
        try:
            certificate = x509.load_der_x509_certificate(one.certificate)
            subject = certificate.subject.rfc4514_string()
        except UNREADABLE as error:
            return Judged(one, Standing.NOT_TRUSTED, "", f"it is no readable certificate ({error})")
        known = self._known(certificate, one)
        if known is not None:
            return Judged(one, known, subject)
        if one.sha256 in {fallen.fingerprint for fallen in self.trust.fallen}:
            return Judged(one, Standing.NOT_TRUSTED, subject, "its voucher is revoked")
        adoption, why = self._vouched(certificate, one)
        if adoption is None or not self.may_adopt:
            return Judged(one, Standing.NOT_TRUSTED, subject, why)
        return Judged(one, Standing.TO_ADOPT, subject, adoption=adoption)

    def _known(self, certificate: x509.Certificate, one: Announcement) -> Standing | None:
        known = {
            Standing.FOR_INFORMATION: one.role != ROOT,
            Standing.PINNED: certificate in self.trust.pinned,
            Standing.ADOPTED: one.sha256 in {adopted.fingerprint for adopted in self.trust.adopted},
            Standing.FORGOTTEN: one.sha256 in self.forgotten,
        }
        return next((standing for standing, holds in known.items() if holds), None)

    def _vouched(self, root: x509.Certificate, one: Announcement) -> tuple[Adopted | None, str]:
        why = "no anchor that is trusted here vouches for it"
        for position, der in enumerate(one.vouchers, 1):
            source = f"voucher {position} for the root {fingerprint(root)}"
            try:
                voucher = x509.load_der_x509_certificate(der)
                by = check_voucher(root, voucher, self.policy, at=self.at, source=source)
            except UntrustedError as refusal:
                why = f"{source}: {refusal.found}"
            except UNREADABLE as error:
                why = f"{source} is no readable certificate ({error})"
            else:
                off = f"the anchor {fingerprint(by)} vouches for it, and the setting adopt_anchors is off"
                return Adopted.of(root, voucher, by, self.at), off
        return None, why
