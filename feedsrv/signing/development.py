"""A PKI for trying things out, made at first start and renewed by itself.

Whole or not at all: it is written beside its place and moved there in one step, so that a kill at any
moment leaves nothing or everything. A lock keeps two processes apart. A renewed certificate keeps its
key, so that key file and chain file always fit, whichever of the two chains is there.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.clock import to_text
from feedsrv.signing import issuing
from feedsrv.signing.backends import open_signer
from feedsrv.signing.issuing import Authority
from feedsrv.signing.key_files import pem_of, settle
from feedsrv.signing.signer import SigningError
from feedsrv.trust.certificates import name_of
from feedsrv.trust.policy import load_crl
from feedsrv.trust.profile import Role

WARNING: Final = (
    "DEVELOPMENT KEYS ONLY. The keys in {folder} were made by feedsrv itself and lie unprotected on this "
    "disk: whoever can read them can sign mitigations. Never pin {folder}/anchors.pem on a server that "
    "matters, and never publish with these keys."
)
_ANCHORS: Final = "anchors.pem"
_INTERMEDIATES: Final = "intermediates.pem"
_NAMES: Final = {
    Role.ROOT: "root",
    Role.MITIGATION_CA: "mitigation-ca",
    Role.FEED_CA: "feed-ca",
    Role.MITIGATION_SIGNER: "mitigation-signer",
    Role.FEED_SIGNER: "feed-signer",
}
_ISSUER: Final = {Role.MITIGATION_SIGNER: Role.MITIGATION_CA, Role.FEED_SIGNER: Role.FEED_CA}
_AUTHORITIES: Final = (Role.ROOT, Role.MITIGATION_CA, Role.FEED_CA)
_UNFINISHED: Final = ".unfinished-"


class DevelopmentPkiError(SigningError):
    """The folder for the development PKI cannot be used."""

    code = "signing.development_pki"


@dataclass(frozen=True)
class DevelopmentPki:
    """Where everything lies. Only paths and URIs; no key is in here."""

    folder: Path
    anchors: Path
    intermediates: Path
    mitigation_signer: str
    """For `open_signer`."""
    feed_signer: str
    crls: tuple[Path, ...]
    """Named by issuer: `root.crl`, `mitigation-ca.crl`, `feed-ca.crl`."""
    created: bool
    warning: str
    """For the operator, at every start."""


def ensure_development_pki(
    folder: Path, *, now: datetime, organisation: str = "feedsrv development"
) -> DevelopmentPki:
    """Make the PKI if there is none, and renew what is in the last third of its life.

    Raises:
        DevelopmentPkiError: the folder holds something else, is damaged, cannot be written, or its CAs
            have ended.
    """
    folder = folder.absolute()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            _sweep(folder)
            created = not (folder / _ANCHORS).exists()
            if created:
                _create(folder, organisation, now)
            for role in _ISSUER:
                _finish_exchange(folder, role)
            _renew(folder, organisation, now)
    except OSError as error:
        raise DevelopmentPkiError(
            f"{error.filename or folder}: {error.strerror}; the development PKI cannot be kept in {folder}"
        ) from error
    return DevelopmentPki(
        folder=folder,
        anchors=folder / _ANCHORS,
        intermediates=folder / _INTERMEDIATES,
        mitigation_signer=uri_of(folder, Role.MITIGATION_SIGNER),
        feed_signer=uri_of(folder, Role.FEED_SIGNER),
        crls=tuple(crl_of(folder, role) for role in _AUTHORITIES),
        created=created,
        warning=WARNING.format(folder=folder),
    )


def exists(folder: Path) -> bool:
    """True where the folder holds a development PKI. Nothing is made or renewed."""
    return (folder / _ANCHORS).exists()


def uri_of(folder: Path, role: Role) -> str:
    """Key and chain of that role, for `open_signer`. Nothing is made or renewed.

    Raises:
        DevelopmentPkiError: a development PKI has no such role.
    """
    if role not in _NAMES:
        raise DevelopmentPkiError(f"{folder}: a development PKI has no {role}; request or issue one")
    folder = folder.absolute()
    return f"file:{quote(str(_key(folder, role)))}?chain={quote(str(_certificate(folder, role)))}"


def crl_of(folder: Path, role: Role) -> Path:
    """The CRL of that CA. Nothing is made or renewed.

    Raises:
        DevelopmentPkiError: the role is not a CA's.
    """
    _check_authority(folder, role)
    return folder / "crls" / f"{_NAMES[role]}.crl"


def authority(folder: Path, role: Role) -> Authority:
    """A CA of the development PKI, with its key.

    Raises:
        DevelopmentPkiError: the role is not a CA's.
        SigningError: its files cannot be used.
    """
    _check_authority(folder, role)
    signer = open_signer(uri_of(folder, role))
    return Authority(signer.chain[0], signer.private_key)


def _check_authority(folder: Path, role: Role) -> None:
    if role not in _AUTHORITIES:
        raise DevelopmentPkiError(f"{folder}: a {role} is no CA; its certificate issues nothing")


def revoke(
    folder: Path, role: Role, revoked: Iterable[tuple[int, datetime, str]], *, now: datetime
) -> x509.CertificateRevocationList:
    """Add to the CRL of that CA: serial number, since when, and a reason. Renewals keep what it revokes.

    Raises:
        DevelopmentPkiError: the role is not a CA's, or the folder cannot be written.
        RevocationEntryError, SigningError: the entry or the CA cannot be used.
    """
    folder = folder.absolute()
    issuer = authority(folder, role)
    try:
        with _locked(folder):
            crl = issuing.renew_crl(issuer, _read_crl(folder, role), revoked=revoked, now=now)
            _write(crl_of(folder, role), crl.public_bytes(Encoding.DER))
    except OSError as error:
        raise DevelopmentPkiError(
            f"{error.filename or folder}: {error.strerror}; the CRL of the {role} was not changed"
        ) from error
    return crl


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    # The lock is freed by the kernel when its holder dies, however that happens. It lies beside the
    # folder, since the folder itself is moved into place.
    handle = os.open(folder.parent / f".{folder.name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Clear what a killed process left half done."""
    for left in folder.parent.glob(f".{folder.name}{_UNFINISHED}*"):
        shutil.rmtree(left)
    for left in folder.rglob(f"{_UNFINISHED}*"):
        left.unlink()


def _create(folder: Path, organisation: str, now: datetime) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise DevelopmentPkiError(
            f"{folder}: is not empty and holds no {_ANCHORS}; name an empty folder for the development PKI"
        )
    place = Path(tempfile.mkdtemp(prefix=f".{folder.name}{_UNFINISHED}", dir=folder.parent))
    for name in ("authority", "crls"):
        (place / name).mkdir(mode=0o700)
    keys = {role: issuing.new_key() for role in _NAMES}
    for role, key in keys.items():
        _write(_key(place, role), pem_of(key, None))
    root = Authority(issuing.issue_root(keys[Role.ROOT], organisation=organisation, now=now), keys[Role.ROOT])
    authorities = {Role.ROOT: root}
    for role in (Role.MITIGATION_CA, Role.FEED_CA):
        certificate = issuing.issue(role, keys[role].public_key(), root, organisation=organisation, now=now)
        authorities[role] = Authority(certificate, keys[role])
        _write(_certificate(place, role), _pem(certificate))
    for role, issuer in _ISSUER.items():
        leaf = issuing.issue(
            role, keys[role].public_key(), authorities[issuer], organisation=organisation, now=now
        )
        _write(_certificate(place, role), _pem(leaf, authorities[issuer].certificate))
    for role in _AUTHORITIES:
        crl = issuing.issue_crl(authorities[role], now=now)
        _write(crl_of(place, role), crl.public_bytes(Encoding.DER))
    _write(
        place / _INTERMEDIATES,
        _pem(*(authorities[role].certificate for role in (Role.MITIGATION_CA, Role.FEED_CA))),
    )
    _write(place / "README.txt", (WARNING.format(folder=folder) + "\n").encode())
    _write(place / _ANCHORS, _pem(root.certificate))
    settle(place)
    # An empty folder may stand here already; a full one was refused above.
    place.rename(folder)
    settle(folder.parent)


def _renew(folder: Path, organisation: str, now: datetime) -> None:
    for role, issuer_role in _ISSUER.items():
        signer = open_signer(uri_of(folder, role))
        leaf, key = signer.chain[0], signer.private_key
        crl = _read_crl(folder, issuer_role)
        is_revoked = crl.get_revoked_certificate_by_serial_number(leaf.serial_number) is not None
        if is_revoked or _is_due(leaf.not_valid_before_utc, leaf.not_valid_after_utc, now):
            issuer = _authority(folder, issuer_role, now)
            if is_revoked:  # whoever took the key keeps it; it is never certified again
                key = issuing.new_key()
            fresh = issuing.issue(role, key.public_key(), issuer, organisation=organisation, now=now)
            chain = _pem(fresh, issuer.certificate)
            if is_revoked:
                _exchange(folder, role, pem_of(key, None) + chain)
            else:
                _write(_certificate(folder, role), chain)
    for role in _AUTHORITIES:
        path, crl = crl_of(folder, role), _read_crl(folder, role)
        if _is_due(crl.last_update_utc, crl.next_update_utc or crl.last_update_utc, now):
            fresh_crl = issuing.renew_crl(_authority(folder, role, now), crl, now=now)
            _write(path, fresh_crl.public_bytes(Encoding.DER))


def _exchange(folder: Path, role: Role, content: bytes) -> None:
    """Put another key and its chain in place of those that are there, both or none."""
    _write(_pending(folder, role), content)
    settle(folder)
    _finish_exchange(folder, role)


def _finish_exchange(folder: Path, role: Role) -> None:
    """Put in place what was exchanged, from where it lies whole, as often as it takes."""
    pending = _pending(folder, role)
    if pending.exists():
        key, begin, chain = pending.read_bytes().partition(b"-----BEGIN CERTIFICATE-----")
        _write(_key(folder, role), key)
        _write(_certificate(folder, role), begin + chain)
        settle(folder)
        pending.unlink()


def _pending(folder: Path, role: Role) -> Path:
    return folder / f".exchange-{_NAMES[role]}.pem"


def _is_due(begin: datetime, end: datetime, now: datetime) -> bool:
    """True in the last third of a life."""
    return now >= end - (end - begin) / 3


def _authority(folder: Path, role: Role, now: datetime) -> Authority:
    found = authority(folder, role)
    certificate = found.certificate
    if now >= certificate.not_valid_after_utc:
        ended = to_text(certificate.not_valid_after_utc)
        raise DevelopmentPkiError(
            f"{folder}: {name_of(certificate)} ended at {ended}; move the folder away, and a new development "
            "PKI is made at the next start"
        )
    return found


def _key(folder: Path, role: Role) -> Path:
    return folder / ("authority" if role in _AUTHORITIES else "") / f"{_NAMES[role]}.key.pem"


def _certificate(folder: Path, role: Role) -> Path:
    """For a signer its whole chain, for a root the anchors."""
    if role is Role.ROOT:
        return folder / _ANCHORS
    return folder / ("authority" if role in _AUTHORITIES else "") / f"{_NAMES[role]}.pem"


def _read_crl(folder: Path, role: Role) -> x509.CertificateRevocationList:
    path = crl_of(folder, role)
    return load_crl(path.read_bytes(), source=str(path))


def _pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def _write(path: Path, content: bytes) -> None:
    """Replace a file whole: a reader sees the old content or the new, never a part."""
    handle, name = tempfile.mkstemp(prefix=_UNFINISHED, dir=path.parent)  # mode 0600, whatever the umask
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)
