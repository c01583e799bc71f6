"""Steps 7 and 8: extended key usage of the signer and of every CA above it, and who the issuer is.

No library asks these questions for us. An absent usage means "anything" to many verifiers, and so
does `anyExtendedKeyUsage`; to us neither is enough.
"""

from __future__ import annotations

from cryptography.x509.oid import NameOID

from feedsrv.trust.certificates import Party
from feedsrv.trust.chain import Path
from feedsrv.trust.fitting import faults_of_limits, faults_of_usage
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import ISSUERS, SIGNERS, Kind
from feedsrv.trust.refusals import IssuerOrganisationError, IssuerPolicyError
from feedsrv.trust.waivers import Leniency


def check_extended_key_usage(path: Path, policy: TrustPolicy, leniency: Leniency, *, source: str) -> None:
    """The usage for this kind of document stands in the signer and its issuer, and nobody above forbids it.

    Raises:
        EkuAbsentError, EkuMissingError, EkuExcessError: the signer's certificate.
        IssuerEkuMissingError, EkuExcludedError: a CA's.
    """
    (signer, signer_name), (issuer, issuer_name), *above = path.named()
    for party, name, role in (
        (signer, signer_name, SIGNERS[path.kind]),
        (issuer, issuer_name, ISSUERS[path.kind]),
    ):
        for fault in faults_of_usage(party, role, policy.eku):
            refusal = fault.of(name, source)
            if _is_of_another_kind(party, path.kind, policy):
                raise refusal
            leniency.refuse(refusal, path.issuer)
    for party, name in above:
        for fault in faults_of_limits(party, path.kind, policy.eku):
            raise fault.of(name, source)


def _is_of_another_kind(party: Party, kind: Kind, policy: TrustPolicy) -> bool:
    """True where it says that it is for other documents of ours.

    No exception bears that: feeds and mitigations have different keys so that the thief of one, asking for
    an exception, gains nothing of the other.
    """
    found = party.extended_key_usage or frozenset()
    others = {oid for other, oid in policy.eku.items() if other is not kind}
    return policy.eku[kind] not in found and not others.isdisjoint(found)


def check_issuer(path: Path, policy: TrustPolicy, leniency: Leniency | None = None, *, source: str) -> None:
    """The issuing CA is the publisher's own. The signer's subject is never asked: it may change.

    Raises:
        IssuerOrganisationError, IssuerPolicyError: it is somebody else's.
    """
    leniency = leniency or Leniency()
    _, (issuer, name), *_ = path.named()
    if policy.organisation is not None:
        found = [
            str(one.value)
            for one in issuer.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        ]
        if found != [policy.organisation]:
            held = " and ".join(repr(one[:60]) for one in found[:3]) or "no organisation"
            leniency.refuse(
                IssuerOrganisationError(
                    source,
                    f"{name} belongs to {held} (O, 2.5.4.10); wanted is {policy.organisation!r}",
                ),
                path.issuer,
            )
    if policy.policy_oid is not None and policy.policy_oid not in issuer.policies:
        held = ", ".join(sorted(one.dotted_string for one in issuer.policies)[:6]) or "none"
        leniency.refuse(
            IssuerPolicyError(
                source,
                f"{name} does not carry the certificate policy {policy.policy_oid.dotted_string}; "
                f"it has {held}",
            ),
            path.issuer,
        )
