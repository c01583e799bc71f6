"""From settings to the keys and certificates in force, whoever keeps them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.publishing.proving import Signers
from feedsrv.settings import BadSettingsError, OwnKeys, Settings
from feedsrv.signing.backends import open_signer
from feedsrv.signing.development import ensure_development_pki
from feedsrv.signing.fitness import check_fit
from feedsrv.signing.signer import Signer
from feedsrv.trust.policy import TrustPolicy, load_anchors, load_crl
from feedsrv.trust.profile import EKU, Kind

DEVELOPMENT: Final = "feedsrv development"
"""The organisation of a development PKI: a customer's policy never names it."""


@dataclass(frozen=True)
class Keys:
    """Everything that signing, and judging what was signed, needs."""

    signers: Signers
    policy: TrustPolicy
    public_files: dict[str, bytes]
    """What is published for agents under `v1/trust/`, by path on the shelf."""

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """SHA-256 of each anchor, as hexadecimal digits."""
        return tuple(anchor.fingerprint(hashes.SHA256()).hex() for anchor in self.policy.anchors)


def open_keys(settings: Settings, *, now: datetime, tell: Callable[[str], None]) -> Keys:
    """Open the keys in force; a development PKI is made, or renewed, where no other is set.

    `tell` is given the warning that belongs to a development PKI when one is made.

    Raises:
        FeedsrvError: a key, a certificate or a revocation list cannot be used; which, and why.
    """
    places, crl_files = _places(settings, now, tell)
    signers = Signers(
        mitigation=_open(places.mitigation_signer, Kind.MITIGATION, now),
        feed=_open(places.feed_signer, Kind.FEED, now),
    )
    anchors = load_anchors(_read(places.anchors), source=str(places.anchors))
    crls = {path.name: _read(path) for path in crl_files}
    policy = TrustPolicy(
        anchors=anchors,
        organisation=places.organisation,
        crls=tuple(load_crl(data, source=name) for name, data in crls.items()),
    )
    return Keys(signers, policy, _public_files(signers, policy, crls))


def _places(
    settings: Settings, now: datetime, tell: Callable[[str], None]
) -> tuple[OwnKeys, tuple[Path, ...]]:
    if settings.own_keys is not None:
        return settings.own_keys, tuple(sorted(settings.crls.glob("*.crl"))) if settings.crls else ()
    made = ensure_development_pki(settings.development_folder, now=now, organisation=DEVELOPMENT)
    if made.created:
        tell(made.warning)
    return OwnKeys(made.mitigation_signer, made.feed_signer, made.anchors, DEVELOPMENT), made.crls


def _open(uri: str, kind: Kind, now: datetime) -> Signer:
    signer = open_signer(uri)
    check_fit(signer, kind, at=now)
    return signer


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadSettingsError(f"{path} cannot be read: {error.strerror}") from None


def _public_files(signers: Signers, policy: TrustPolicy, crls: dict[str, bytes]) -> dict[str, bytes]:
    intermediates = dict.fromkeys(
        certificate
        for signer in (signers.mitigation, signers.feed)
        for certificate in signer.chain[1:]
        if certificate not in policy.anchors
    )
    words = {
        "organisation": policy.organisation,
        "eku": {kind.value: EKU[kind].dotted_string for kind in Kind},
        "anchors": [anchor.fingerprint(hashes.SHA256()).hex() for anchor in policy.anchors],
        "crls": [f"trust/crls/{name}" for name in crls],
    }
    return {
        "v1/trust/anchors.pem": b"".join(one.public_bytes(Encoding.PEM) for one in policy.anchors),
        "v1/trust/intermediates.pem": b"".join(one.public_bytes(Encoding.PEM) for one in intermediates),
        "v1/trust/policy.json": json.dumps(words, indent=2).encode() + b"\n",
        **{f"v1/trust/crls/{name}": data for name, data in crls.items()},
    }
