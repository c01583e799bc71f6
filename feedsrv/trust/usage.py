"""Steps 7 and 8: extended key usage of the signer and of every CA above it, and who the issuer is.

No library asks these questions for us. An absent usage means "anything" to many verifiers, and so
does `anyExtendedKeyUsage`; to us neither is enough.
"""

from __future__ import annotations

from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import NameOID

from feedsrv.trust.chain import Path
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import ANY_USAGE, CODE_SIGNING
from feedsrv.trust.refusals import (
    EkuAbsentError,
    EkuExcessError,
    EkuExcludedError,
    EkuMissingError,
    IssuerEkuMissingError,
    IssuerOrganisationError,
    IssuerPolicyError,
)


def check_extended_key_usage(path: Path, policy: TrustPolicy, *, source: str) -> None:
    """The usage for this kind of document stands in the signer and its issuer, and nobody above forbids it.

    Raises:
        EkuAbsentError, EkuMissingError, EkuExcessError: the signer's certificate.
        IssuerEkuMissingError, EkuExcludedError: a CA's.
    """
    ours = policy.eku[path.kind]
    wanted = f"{ours.dotted_string} ({path.kind} signing)"
    (signer, signer_name), (issuer, issuer_name), *above = path.named()
    found = signer.extended_key_usage
    if found is None:
        raise EkuAbsentError(source, f"{signer_name} has no extended key usage; needed is {wanted}")
    if ours not in found:
        raise EkuMissingError(
            source, f"{signer_name} lacks the extended key usage {wanted}; it has {_list(found)}"
        )
    if found - {ours, CODE_SIGNING}:
        excess = _list(found - {ours, CODE_SIGNING})
        raise EkuExcessError(source, f"{signer_name} has the extended key usage {excess} beside {wanted}")
    if issuer.extended_key_usage is None or ours not in issuer.extended_key_usage:
        held = _list(issuer.extended_key_usage or frozenset()) or "none"
        raise IssuerEkuMissingError(
            source, f"{issuer_name} lacks the extended key usage {wanted}; it has {held}"
        )
    for party, name in above:
        limits = party.extended_key_usage
        if limits is not None and not limits & {ours, ANY_USAGE}:
            raise EkuExcludedError(
                source, f"{name} is limited to the extended key usage {_list(limits)}, without {wanted}"
            )


def check_issuer(path: Path, policy: TrustPolicy, *, source: str) -> None:
    """The issuing CA is the publisher's own. The signer's subject is never asked: it may change.

    Raises:
        IssuerOrganisationError, IssuerPolicyError: it is somebody else's.
    """
    _, (issuer, name), *_ = path.named()
    if policy.organisation is not None:
        found = [
            str(one.value)
            for one in issuer.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        ]
        if found != [policy.organisation]:
            raise IssuerOrganisationError(
                source, f"{name} belongs to {found or 'no organisation'}; wanted is {policy.organisation!r}"
            )
    if policy.policy_oid is not None and policy.policy_oid not in issuer.policies:
        raise IssuerPolicyError(
            source, f"{name} does not carry the certificate policy {policy.policy_oid.dotted_string}"
        )


def _list(usages: frozenset[ObjectIdentifier]) -> str:
    return ", ".join(sorted(one.dotted_string for one in usages))
