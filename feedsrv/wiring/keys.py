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

from feedsrv.errors import OperatorError
from feedsrv.publishing.proving import Signers
from feedsrv.publishing.refusals import ShelfDamagedError
from feedsrv.settings import BadSettingsError, OwnKeys, Settings
from feedsrv.signing.backends import open_signer
from feedsrv.signing.development import ensure_development_pki
from feedsrv.signing.fitness import check_fit
from feedsrv.signing.signer import Signer
from feedsrv.stores.shelf_files import FileShelf
from feedsrv.trust.chain import find_paths
from feedsrv.trust.policy import TrustPolicy, load_anchors, load_crl
from feedsrv.trust.profile import EKU, Kind
from feedsrv.trust.refusals import UntrustedError
from feedsrv.trust.usage import check_issuer

DEVELOPMENT: Final = "feedsrv development"
"""The organisation of a development PKI: a customer's policy never names it."""

_POLICY: Final = "v1/trust/policy.json"
_SET_THEM: Final = (
    "set FEEDSRV_MITIGATION_SIGNER, FEEDSRV_FEED_SIGNER, FEEDSRV_ANCHORS and FEEDSRV_ORGANISATION"
)


class NoKeysError(OperatorError):
    """No keys are set, and there is no development PKI."""

    code = "keys.none"


class OtherKeysError(OperatorError):
    """What was published before is trusted under other anchors."""

    code = "keys.other"


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


def open_keys(settings: Settings, *, now: datetime, tell: Callable[[str], None], make: bool = False) -> Keys:
    """Open the keys in force: the operator's own, or a development PKI, which is renewed where needed.

    With `make`, a development PKI is made where there is none; `tell` is then given the warning that
    belongs to it.

    Raises:
        NoKeysError: none are set, and there is no development PKI.
        OtherKeysError: nobody who trusts what was published before would trust what these sign.
        FeedsrvError: a key, a certificate or a revocation list cannot be used; which, and why.
    """
    published = _anchors_on(settings.shelf_folder)
    if settings.own_keys is not None:
        places, crl_files = settings.own_keys, _crl_files(settings.crls)
    else:
        # New keys beside what older ones signed would be believed by nobody.
        places, crl_files = _development(settings, now, tell, make=make and not published)
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
    for kind, signer in ((Kind.MITIGATION, signers.mitigation), (Kind.FEED, signers.feed)):
        _check_believed(signer, kind, policy)
    keys = Keys(signers, policy, _public_files(signers, policy, crls))
    if published and published.isdisjoint(keys.fingerprints):
        raise OtherKeysError(
            f"agents of the shelf {settings.shelf_folder} are told to pin other anchors than those in "
            f"{places.anchors}, and would believe nothing more: publish with the keys that it was begun with "
            f"({_SET_THEM}), keep the old root in that file beside the new one, or begin with a new "
            "FEEDSRV_DATA"
        )
    return keys


def _development(
    settings: Settings, now: datetime, tell: Callable[[str], None], *, make: bool
) -> tuple[OwnKeys, tuple[Path, ...]]:
    folder = settings.development_folder
    if not make and not (folder / "anchors.pem").is_file():
        raise NoKeysError(
            f"no keys are set, and there is no development PKI in {folder}: {_SET_THEM}; to try things out, "
            "begin with a new FEEDSRV_DATA, where the first `feedsrv run` makes one"
        )
    made = ensure_development_pki(folder, now=now, organisation=DEVELOPMENT)
    if made.created:
        (made.folder / ".gitignore").write_text("*\n", encoding="utf-8")  # wherever that folder lies
        tell(made.warning)
    return OwnKeys(made.mitigation_signer, made.feed_signer, made.anchors, DEVELOPMENT), made.crls


def _anchors_on(shelf: Path) -> frozenset[str]:
    """Fingerprints of the anchors that agents of this shelf are told to pin; none on an empty shelf."""
    published = FileShelf(shelf).get(_POLICY)
    if published is None:
        return frozenset()
    try:
        return frozenset(json.loads(published)["anchors"])
    except (ValueError, KeyError, TypeError):
        raise ShelfDamagedError(
            f"{shelf / _POLICY}: does not say which anchors agents pin; put it back from a backup"
        ) from None


def _crl_files(folder: Path | None) -> tuple[Path, ...]:
    if folder is None:
        return ()
    # A folder that is not there would publish no list at all, and nobody would be told.
    if not folder.is_dir():
        raise BadSettingsError(f"FEEDSRV_CRLS: {folder} is no folder; name the one with your *.crl files")
    return tuple(sorted(folder.glob("*.crl")))


def _open(uri: str, kind: Kind, now: datetime) -> Signer:
    signer = open_signer(uri)
    check_fit(signer, kind, at=now)
    return signer


def _check_believed(signer: Signer, kind: Kind, policy: TrustPolicy) -> None:
    """Refuse keys that lead to no anchor, or to another organisation, before agents are told of either."""
    paths = find_paths(signer.chain[0], signer.chain[1:], policy, kind, source=signer.name)
    refusals: list[UntrustedError] = []
    for path in paths:
        try:
            check_issuer(path, policy, source=signer.name)
        except UntrustedError as refusal:
            refusals.append(refusal)
    if len(refusals) == len(paths):
        raise refusals[0]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadSettingsError(f"{path}: cannot be read ({error.strerror})") from None


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
        _POLICY: json.dumps(words, indent=2).encode() + b"\n",
        **{f"v1/trust/crls/{name}": data for name, data in crls.items()},
    }
