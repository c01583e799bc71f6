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
from feedsrv.trust.policy import TrustPolicy, load_anchors, load_crl
from feedsrv.trust.profile import EKU, Kind

DEVELOPMENT: Final = "feedsrv development"
"""The organisation of a development PKI: a customer's policy never names it."""

_POLICY: Final = "v1/trust/policy.json"
_SET_THEM: Final = (
    "set FEEDSRV_MITIGATION_SIGNER, FEEDSRV_FEED_SIGNER, FEEDSRV_ANCHORS and FEEDSRV_ORGANISATION"
)


class NoKeysError(OperatorError):
    """No keys are set, and a development PKI is not to be made or used here."""

    code = "keys.none"


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
        NoKeysError: none are set, and there is no development PKI, or not one for this shelf.
        FeedsrvError: a key, a certificate or a revocation list cannot be used; which, and why.
    """
    if settings.own_keys is not None:
        places, crl_files = settings.own_keys, _crl_files(settings.crls)
    else:
        places, crl_files = _development(settings, now, tell, make=make)
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


def _development(
    settings: Settings, now: datetime, tell: Callable[[str], None], *, make: bool
) -> tuple[OwnKeys, tuple[Path, ...]]:
    folder = settings.development_folder
    # Whoever forgot to set the keys of a running service must not sign its feeds with other ones.
    trusted = _organisation_on(settings.shelf_folder)
    if trusted not in {None, DEVELOPMENT}:
        raise NoKeysError(
            f"what lies on the shelf {settings.shelf_folder} was signed with keys of {trusted}, and "
            f"development keys may not replace those: {_SET_THEM}"
        )
    if not make and not (folder / "anchors.pem").is_file():
        raise NoKeysError(
            f"no keys are set, and there is no development PKI in {folder}: {_SET_THEM}; to try things out, "
            "start `feedsrv run` there once, which makes one"
        )
    made = ensure_development_pki(folder, now=now, organisation=DEVELOPMENT)
    if made.created:
        (made.folder / ".gitignore").write_text("*\n", encoding="utf-8")  # wherever that folder lies
        tell(made.warning)
    return OwnKeys(made.mitigation_signer, made.feed_signer, made.anchors, DEVELOPMENT), made.crls


def _organisation_on(shelf: Path) -> str | None:
    """Whose keys agents of this shelf are told to trust; None where nothing was published."""
    published = FileShelf(shelf).get(_POLICY)
    if published is None:
        return None
    try:
        return str(json.loads(published)["organisation"])
    except (ValueError, KeyError, TypeError):
        raise ShelfDamagedError(
            f"{shelf / _POLICY}: does not say whose keys agents trust; put it back from a backup, or publish "
            "with keys of your own, which writes it anew"
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
