"""Advice on certificates: what no verifier of ours refuses, yet somebody will regret.

Two things here are refused by others all the same: a TLS server's certificate without a name to compare,
and a time-stamping one whose purpose is not critical.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from feedsrv.clock import to_text
from feedsrv.trust.certificates import Party
from feedsrv.trust.fitting import key_usages, usages_text
from feedsrv.trust.profile import PROFILES, CertificateProfile, KeyKind, Kind, Role, usage_names

_BACKDATING: Final = timedelta(days=1)
"""CAs let a certificate begin a little before it is issued."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What the certificate is, has or lacks, and what to do."""

    code: str
    words: str
    remedy: str
    refused: bool = False


def advice_for_role(party: Party, role: Role) -> Iterator[Advice]:
    """On what its role would have otherwise."""
    profile = PROFILES[role]
    certificate = party.certificate
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    if life > profile.lifetime + _BACKDATING:
        yield Advice(
            "lint.lifetime",
            f"lives {life.days} days; the profile has {profile.lifetime.days} for {role}",
            "Have it issued for a shorter time, and renewed more often",
        )
    yield from _on_key_usage(party, profile)
    if profile.is_ca:
        yield from _on_ca(party, profile)
    elif party.is_ca and profile.kind is None:
        yield Advice(
            "lint.is_ca",
            "is a CA by its basic constraints (2.5.29.19), which its role does not need",
            "Have one issued that is no CA: whoever steals its key could issue certificates",
        )
    yield from _on_key(party, profile)
    if profile.needs_dns_name and not _names(certificate):
        yield Advice(
            "lint.dns_name",
            "has no DNS name or address in its subject alternative name (2.5.29.17), and nothing else is "
            "compared with the name that was called",
            "Have it issued with every name that agents call it by",
            refused=True,
        )


def advice_for_roles(
    party: Party, roles: Collection[Role], eku: Mapping[Kind, x509.ObjectIdentifier]
) -> Iterator[Advice]:
    """On what is asked once, whatever the number of its roles."""
    yield from _on_extended_usage(party, roles, eku)
    certificate = party.certificate
    classes = {type(one.value) for one in certificate.extensions}
    if not certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        yield Advice(
            "lint.common_name",
            "has no common name (CN, 2.5.4.3), by which people tell certificates apart",
            "Have it issued with a common name",
        )
    if x509.SubjectKeyIdentifier not in classes:
        yield Advice(
            "lint.subject_key_identifier",
            "has no subject key identifier (2.5.29.14), by which chains are found where names are alike",
            "Have it issued with one",
        )
    if x509.AuthorityKeyIdentifier not in classes and not party.is_self_issued:
        yield Advice(
            "lint.authority_key_identifier",
            "has no authority key identifier (2.5.29.35), by which chains are found where names are alike; "
            "in TLS, Python 3.13 and later refuse it",
            "Have it issued with one",
        )


def advice_on_ends(party: Party, issuers: Sequence[Party]) -> Iterator[Advice]:
    """On a certificate that outlives the last of those that certify its issuer's key."""
    ends = party.certificate.not_valid_after_utc
    last = max(one.certificate.not_valid_after_utc for one in issuers)
    if ends > last:
        yield Advice(
            "lint.outlives_issuer",
            f"ends at {to_text(ends)}, but its issuer at {to_text(last)}, after which nobody accepts it",
            "Have its issuer's certificate renewed first",
        )


def _on_key_usage(party: Party, profile: CertificateProfile) -> Iterator[Advice]:
    found = key_usages(party.key_usage)
    more = found - profile.key_usage - profile.tolerated - profile.forbidden
    if more:
        yield Advice(
            "lint.key_usage",
            f"has the key usage (2.5.29.15) {usage_names(more)} beside {usage_names(profile.key_usage)}",
            f"Have it issued with {usage_names(profile.key_usage)} alone",
        )
    less = profile.key_usage - profile.needed - found
    if less and party.key_usage is not None:
        yield Advice(
            "lint.key_usage_missing",
            f"lacks the key usage (2.5.29.15) {usage_names(less)}, so that nothing it issues can be "
            "revoked by a CRL of its own",
            f"Have it issued with {usage_names(profile.key_usage)}",
        )


def _on_ca(party: Party, profile: CertificateProfile) -> Iterator[Advice]:
    if party.is_ca and party.basic_constraints is not None:
        length = party.basic_constraints.path_length
        if length is None or length > (profile.path_length or 0):
            got = "no path length" if length is None else f"the path length {length}"
            yield Advice(
                "lint.path_length",
                f"has {got} in its basic constraints (2.5.29.19); the profile has {profile.path_length}",
                f"Have it issued with the path length {profile.path_length}",
            )
    if not party.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME):
        yield Advice(
            "lint.organisation",
            "names no organisation (O, 2.5.4.10) in its subject, so that receivers who ask for the "
            "publisher's organisation refuse what is issued under it",
            "Have it issued with the publisher's organisation in its subject",
        )


def _on_key(party: Party, profile: CertificateProfile) -> Iterator[Advice]:
    key = party.public_key
    least, most = profile.rsa_bits
    if not isinstance(key, rsa.RSAPublicKey) or not least <= key.key_size <= most:
        return
    if f"rsa-{key.key_size}" not in set(KeyKind):
        yield Advice(
            "lint.key",
            f"has an RSA key of {key.key_size} bits; the profile has {', '.join(profile.key_kinds)}",
            f"Make a new key, such as {profile.key_kinds[0]}, and have a certificate issued for it",
        )


def _on_extended_usage(
    party: Party, roles: Collection[Role], eku: Mapping[Kind, x509.ObjectIdentifier]
) -> Iterator[Advice]:
    """Usages that nobody refuses and nobody asked for, over all roles; and whether they are critical."""
    found = party.extended_key_usage
    if found is None:
        return
    profiles = [PROFILES[role] for role in roles]
    wanted = frozenset[x509.ObjectIdentifier]().union(*(one.usages(eku) for one in profiles))
    more = found - wanted
    if Role.ROOT in roles:
        more -= set(eku.values())  # such a root is limited to what is ours, which harms nobody
    if more and all(one.extended_tolerated is None for one in profiles):
        yield Advice(
            "lint.eku_beside",
            f"has the extended key usage (2.5.29.37) {usages_text(more)}, for which nobody asks in its role",
            "Have it issued with its own purpose alone: one certificate, one purpose",
        )
    is_critical = party.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).critical
    is_due = any(one.extended_critical for one in profiles)
    if is_critical and not is_due:
        yield Advice(
            "lint.eku_critical",
            "has an extended key usage (2.5.29.37) that is critical, which some programs refuse",
            "Have it issued with an extended key usage that is not critical",
        )
    if is_due and not is_critical:
        yield Advice(
            "lint.eku_not_critical",
            "has an extended key usage (2.5.29.37) that is not critical, as RFC 3161 wants it",
            "Have it issued with that extended key usage critical",
            refused=True,
        )


def _names(certificate: x509.Certificate) -> bool:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    return any(isinstance(one, x509.DNSName | x509.IPAddress) for one in names)
