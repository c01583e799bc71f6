"""Whether a signer's certificates are such that receivers will accept what it signs.

Asked before signing, so that the operator hears of it and not every agent in the world.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from cryptography.x509 import ObjectIdentifier

from feedsrv.clock import to_text
from feedsrv.signing.signer import Signer, SigningError, holds, links_of
from feedsrv.trust.certificates import Party, name_of, read_party
from feedsrv.trust.fitting import key_usages
from feedsrv.trust.profile import CODE_SIGNING, EKU, ISSUERS, PROFILES, SIGNERS, Kind, usage_names
from feedsrv.trust.refusals import UntrustedError


class SignerExpiredError(SigningError):
    """A certificate of the signer's chain has ended, or has not begun."""

    code = "signing.expired"


class SignerUsageError(SigningError):
    """A certificate of the signer's chain is not for this kind of document."""

    code = "signing.wrong_usage"


def check_fit(
    signer: Signer, kind: Kind, *, at: datetime, eku: Mapping[Kind, ObjectIdentifier] = EKU
) -> None:
    """Refuse a signer whose documents of this kind nobody would accept, before anything is signed.

    Raises:
        SignerExpiredError, SignerUsageError: which certificate, and what is wrong with it.
    """
    if len(signer.chain) < 2:
        raise SignerUsageError(
            f"{signer.name}: the chain holds only the signer's certificate; add its issuing CA's"
        )
    fallen = {
        one for link in links_of(signer.chain) for one in link if not any(holds(each, at) for each in link)
    }
    for position, certificate in enumerate(signer.chain):
        role = SIGNERS[kind] if position == 0 else ISSUERS[kind]
        name = f"{signer.name}: {role} {name_of(certificate)}"
        begins, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if certificate in fallen:
            raise SignerExpiredError(
                f"{name} holds from {to_text(begins)} to {to_text(end)}, and it is {to_text(at)}; renew it"
            )
        if position < 2:
            try:
                party = read_party(certificate, source=signer.name)
            except UntrustedError as error:
                raise SignerUsageError(f"{name}: {error}") from error
            _check_usage(party, name, kind, eku[kind], is_signer=position == 0)


def _check_usage(party: Party, name: str, kind: Kind, ours: ObjectIdentifier, *, is_signer: bool) -> None:
    usages = party.extended_key_usage or frozenset()
    if ours not in usages:
        raise SignerUsageError(f"{name} lacks the extended key usage for {kind} signing; issue another one")
    if is_signer and usages - {ours, CODE_SIGNING}:
        raise SignerUsageError(
            f"{name} has extended key usages beside that for {kind} signing; issue another one"
        )
    profile = PROFILES[SIGNERS[kind] if is_signer else ISSUERS[kind]]
    if party.is_ca is not profile.is_ca:
        raise SignerUsageError(f"{name} must {'' if profile.is_ca else 'not '}be a CA; issue another one")
    missing = profile.needed - key_usages(party.key_usage)
    if missing:
        raise SignerUsageError(f"{name} lacks the key usage {usage_names(missing)}; issue another one")
