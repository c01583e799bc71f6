"""Whether a signer is believed, now and later: steps 6 to 9, without any document.

Publishers ask it before they sign, and before they change a certificate; receivers go by the same lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509

from feedsrv.trust.certificates import find_signer
from feedsrv.trust.chain import Path, ask_library, check_path, find_paths
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import MOST_CERTIFICATES, Kind
from feedsrv.trust.refusals import CertificateCountError, UntrustedError
from feedsrv.trust.revocation import check_revocation
from feedsrv.trust.usage import check_extended_key_usage, check_issuer
from feedsrv.trust.waivers import Leniency, Waiver

_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Horizon:
    """Until when a receiver goes on believing a signer."""

    refused_from: datetime | None
    """The first moment at which it refuses; None where nothing that is known ends it."""
    refusal: UntrustedError | None
    """What it says then."""


def check_signer(
    chain: Sequence[x509.Certificate],
    policy: TrustPolicy,
    kind: Kind,
    *,
    at: datetime,
    source: str = "signer",
) -> Path:
    """Judge a signer's certificates as a receiver does that is given a document with them.

    The order in which they stand says nothing; an anchor may be among them.

    Raises:
        UntrustedError: what a receiver with that policy says at that time, of steps 6 to 9, or that there
            are too many certificates, or that it cannot be told which one is the signer's.
    """
    path, _ = first_believed(_paths(chain, policy, kind, source), policy, at=at, source=source)
    return path


def horizon(
    chain: Sequence[x509.Certificate],
    policy: TrustPolicy,
    kind: Kind,
    *,
    at: datetime,
    source: str = "signer",
) -> Horizon:
    """Find the first moment, from `at` on, at which a receiver with that policy refuses the signer.

    Judged is every moment at which something ends: certificates, CRLs, exceptions. What begins makes no
    signer refused that was accepted before. A certificate holds in its last second, so the moment is one
    second after it.
    """
    try:
        paths = _paths(chain, policy, kind, source)
    except UntrustedError as refusal:
        return Horizon(at, refusal)
    for moment in sorted({at, *(one for one in _ends(paths, policy) if one > at)}):
        try:
            first_believed(paths, policy, at=moment, source=source)
        except UntrustedError as refusal:
            return Horizon(moment, refusal)
    return Horizon(None, None)


def first_believed(
    paths: Sequence[Path], policy: TrustPolicy, *, at: datetime, source: str
) -> tuple[Path, tuple[Waiver, ...]]:
    """The first path that is accepted, with the waivers it needed; one that needs none goes before others.

    While a publisher rotates a CA, two paths may exist, and one good one is enough.

    Raises:
        UntrustedError: what is wrong with the first path.
    """
    refusals: list[UntrustedError] = []
    lenient: list[tuple[Path, tuple[Waiver, ...]]] = []
    for path in paths:
        leniency = Leniency.of(policy.waivers, path.kind, at)
        try:
            _judge(path, policy, leniency, at, source)
        except UntrustedError as refusal:
            refusals.append(refusal)
            continue
        if not leniency.needed:
            return path, ()
        lenient.append((path, leniency.needed))
    if lenient:
        return lenient[0]
    raise refusals[0]


def _judge(path: Path, policy: TrustPolicy, leniency: Leniency, at: datetime, source: str) -> None:
    check_path(path, leniency, at=at, source=source)
    check_extended_key_usage(path, policy, leniency, source=source)
    ask_library(path, leniency, kind_oid=policy.eku[path.kind], at=at, source=source)
    check_issuer(path, policy, leniency, source=source)
    check_revocation(path, policy.crls, leniency, at=at, source=source)


def _paths(
    chain: Sequence[x509.Certificate], policy: TrustPolicy, kind: Kind, source: str
) -> tuple[Path, ...]:
    if not 1 <= len(chain) <= MOST_CERTIFICATES:
        raise CertificateCountError(
            source, f"{len(chain)} certificates; from 1 to {MOST_CERTIFICATES} are allowed"
        )
    return find_paths(find_signer(chain, source=source), chain, policy, kind, source=source)


def _ends(paths: Sequence[Path], policy: TrustPolicy) -> Iterator[datetime]:
    """Every moment at which an answer may turn into a refusal."""
    for path in paths:
        for party in path.parties:
            yield party.certificate.not_valid_after_utc + _SECOND
    for crl in policy.crls:
        if crl.next_update_utc is not None:
            yield crl.next_update_utc + _SECOND
    for waiver in policy.waivers:
        yield waiver.until
