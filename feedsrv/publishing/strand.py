"""Whom a change of certificates would strand: agents that believe what is signed today, and tomorrow not.

Twice the real service's agents went blind that way, and the oldest went first. So whatever was published
for agents to pin, and whatever customers told of theirs, is asked before a certificate changes. A
generation counts as it was set up, with the roots that it has adopted since: those that were announced
long enough, with a voucher by a root that it trusts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from feedsrv.clock import to_text
from feedsrv.errors import NotAllowedError
from feedsrv.publishing.generations import short_name, trust_of
from feedsrv.publishing.leads import HEARING
from feedsrv.publishing.trust_records import AnnouncedCertificate, KnownPolicy
from feedsrv.trust.believing import Horizon, check_signer, horizon
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind, Role
from feedsrv.trust.refusals import UntrustedError
from feedsrv.trust.vouching import check_voucher


class StrandError(NotAllowedError):
    """Agents that are known would refuse everything that is signed after this change."""

    code = "trust.would_strand"

    def __init__(self, sentences: Iterable[str]) -> None:
        self.sentences = tuple(sentences)
        listed = "\n".join(f"  {one}" for one in self.sentences)
        super().__init__(
            f"nothing was changed, since known agents would be stranded:\n{listed}\n"
            "Prepare the change first (`feedsrv trust plan` says how), forget generations that nobody has "
            "any more (`feedsrv trust policy remove NAME`), or go past this with --strand"
        )


@dataclass(frozen=True)
class Generation:
    """Agents of one known policy, with what they hear from the feeds."""

    known: KnownPolicy
    announced: tuple[AnnouncedCertificate, ...] = ()

    def trust(self, at: datetime) -> TrustPolicy:
        """What they trust at that time: their own anchors, and the announced roots they have adopted."""
        policy = trust_of(self.known)
        waiting = [one for one in self.announced if one.role is Role.ROOT and one.at + HEARING <= at]
        # One adopted root may vouch for the next.
        while taken := [one for one in waiting if _is_vouched(one, policy)]:
            waiting = [one for one in waiting if one not in taken]
            policy = trust_of(self.known, more=(*policy.anchors, *map(_certificate, taken)))
        return policy

    def is_over(self, at: datetime) -> bool:
        """True where every anchor has ended: whatever is signed, such agents believe nothing more."""
        return all(anchor.not_valid_after_utc < at for anchor in self.trust(at).anchors)

    def refusal(
        self, chain: Sequence[x509.Certificate], kind: Kind, *, at: datetime
    ) -> UntrustedError | None:
        """What they say at that time of what this signer signs; None where they believe it."""
        try:
            check_signer(chain, self.trust(at), kind, at=at, source=self.known.name)
        except UntrustedError as refusal:
            return refusal
        return None

    def horizon(self, chain: Sequence[x509.Certificate], kind: Kind, *, at: datetime) -> Horizon:
        """From when on they refuse that signer, if nothing is changed; what they adopt meanwhile counts."""
        heard = (one.at + HEARING for one in self.announced)
        moments = [at, *sorted({moment for moment in heard if moment > at})]
        found = Horizon(None, None)
        for moment, following in zip(moments, [*moments[1:], None], strict=True):
            found = horizon(chain, self.trust(moment), kind, at=moment, source=self.known.name)
            if found.refused_from is None or following is None or found.refused_from < following:
                break
        return found

    def __str__(self) -> str:
        pinned = ", ".join(short_name(anchor) for anchor in trust_of(self.known).anchors)
        asking = (
            f" and ask for the organisation {self.known.organisation!r}" if self.known.organisation else ""
        )
        return f"agents of {self.known.name!r}, which pin {pinned}{asking},"


def generations(
    policies: Iterable[KnownPolicy],
    announced: Iterable[AnnouncedCertificate] = (),
    lists: Iterable[x509.CertificateRevocationList] = (),
) -> tuple[Generation, ...]:
    """Every known generation of agents, the oldest first.

    A root of whose vouchers one is revoked by these lists of ours counts as adopted by nobody: whoever
    adopted it by that one has given it up, and does not take it in again.
    """
    ours = tuple(lists)
    heard = tuple(one for one in announced if not any(_is_revoked(der, ours) for der in one.vouchers))
    return tuple(
        Generation(one, heard) for one in sorted(policies, key=lambda known: (known.since, known.name))
    )


def stranded(  # noqa: PLR0913 -- a signer, a time, and what agents know by then
    chain: Sequence[x509.Certificate],
    kind: Kind,
    policies: Iterable[KnownPolicy],
    *,
    at: datetime,
    announced: Iterable[AnnouncedCertificate] = (),
    lists: Iterable[x509.CertificateRevocationList] = (),
) -> tuple[str, ...]:
    """Which known agents would refuse what this signer signs from that time on; a sentence for each.

    By `lists`, vouchers may be revoked; signers and CAs are asked for that elsewhere. Agents whose every
    anchor has ended by then are left out: no signer reaches them.
    """
    told = []
    for one in generations(policies, announced, lists):
        refusal = None if one.is_over(at) else one.refusal(chain, kind, at=at)
        if refusal is not None:
            told.append(f"{one} would refuse every {kind} from {to_text(at)} on: {refusal.found}")
    return tuple(told)


def left_behind(
    policy: TrustPolicy, chains: Iterable[tuple[str, Kind, Sequence[x509.Certificate]]], *, at: datetime
) -> tuple[str, ...]:
    """What agents of that policy alone would refuse at that time; a sentence each.

    Each chain comes with what it signed. Revocation is left out: lists are renewed meanwhile.
    """
    told = []
    asked = without_lists(policy)
    for what, kind, chain in chains:
        try:
            check_signer(chain, asked, kind, at=at, source=what)
        except UntrustedError as refusal:
            told.append(f"{what} would be refused by agents that are set up after it: {refusal.found}")
    return tuple(told)


def without_lists(policy: TrustPolicy) -> TrustPolicy:
    """The policy without revocation lists, which end every month and are renewed."""
    return TrustPolicy(policy.anchors, policy.organisation, policy.policy_oid, policy.eku)


def _is_vouched(one: AnnouncedCertificate, policy: TrustPolicy) -> bool:
    root = _certificate(one)
    if root in policy.anchors:
        return False
    for der in one.vouchers:
        try:
            check_voucher(root, x509.load_der_x509_certificate(der), policy, at=one.at, source="announced")
        except UntrustedError:
            continue
        return True
    return False


def _is_revoked(voucher: bytes, lists: Iterable[x509.CertificateRevocationList]) -> bool:
    certificate = x509.load_der_x509_certificate(voucher)
    return any(
        crl.issuer == certificate.issuer
        and crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
        for crl in lists
    )


def _certificate(one: AnnouncedCertificate) -> x509.Certificate:
    return x509.load_der_x509_certificate(one.certificate)
