"""Revocation lists: kept between syncs by their issuer's key, and asked whom they revoke.

They come from the publisher's server like everything else, and are believed only where a certificate says
whose key signed them. Beside the lists lie the certificates of the issuers that were met in proofs, so
that a list can be judged as soon as it comes. A CA that changes its key under the same name has lists of
both keys, and the newest of each is never given up for an older one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.agent.durable import replace_file
from feedsrv.agent.grounds import Ground
from feedsrv.agent.library import LibraryError
from feedsrv.clock import to_text
from feedsrv.errors import RefusedProofError
from feedsrv.trust.certificates import name_of
from feedsrv.trust.policy import CrlUnreadableError, load_crl
from feedsrv.trust.profile import fingerprint, spki_id
from feedsrv.trust.revocation import crl_is_complete, crl_issued_by

Crl = x509.CertificateRevocationList
_MOST_BYTES: Final = 4 * 1024 * 1024


class RevokedSinceError(RefusedProofError):
    """What is trusted here was signed by a key that is revoked by now, so nothing is begun by it."""

    code = "trust.revoked_since"

    def __init__(self, source: str, since: datetime) -> None:
        super().__init__(
            f"{source} was signed by a key that its issuer revoked as of {to_text(since)}. What is applied "
            "stays, and nothing new is begun by it; the publisher must sign anew with another key."
        )


class ForgedListError(RefusedProofError):
    """A revocation list that was offered names a CA of the publisher's, whose key did not sign it."""

    code = "agent.crl_forged"

    def __init__(self, source: str, issuer: x509.Certificate) -> None:
        super().__init__(
            f"{source} is a revocation list in the name of {name_of(issuer)}, whose key did not sign it. It "
            "is not kept; ask whoever runs that server or mirror."
        )


class UnfitListError(RefusedProofError):
    """A revocation list that was offered is partial, or is still to begin: it takes no other's place."""

    code = "agent.crl_unfit"

    def __init__(self, source: str, issuer: x509.Name, found: str) -> None:
        name = "".join(c if c.isprintable() else "?" for c in issuer.rfc4514_string())[:120]
        super().__init__(
            f"{source}, a revocation list of {name!r}, {found}. It is not kept, and the list at hand counts "
            "as before; tell the publisher."
        )


class EndedListError(RefusedProofError):
    """The newest revocation list of an issuer has ended: what it signs is refused until a new one comes."""

    code = "agent.crl_ended"

    def __init__(self, one: KnownList, ended: datetime) -> None:
        self.issuer = fingerprint(one.issuer)
        super().__init__(
            f"the newest revocation list of {name_of(one.issuer)} ended at {to_text(ended)}. What is applied "
            "stays, and new documents of that issuer are refused until a new list comes; ask the publisher "
            "for it, and compare this machine's clock."
        )


@dataclass(frozen=True, slots=True)
class KnownList:
    """The newest list of one issuer's key."""

    crl: Crl
    issuer: x509.Certificate

    def ended(self, at: datetime) -> datetime | None:
        """When it ended, where it has."""
        ends = self.crl.next_update_utc
        return ends if ends is not None and at > ends else None


class Revocations:
    """What is revoked, as far as the lists at hand and the certificates of their issuers say."""

    def __init__(self, lists: Iterable[Crl], issuers: Iterable[x509.Certificate]) -> None:
        self.issuers = tuple(dict.fromkeys(issuers))
        self._newest: dict[str, list[KnownList]] = {}
        for crl in lists:
            self._add(crl)

    def _add(self, crl: Crl) -> None:
        if not crl_is_complete(crl):
            return  # a CA's delta is newer than its list, and would hide whom that revokes
        for issuer in self.issuers:
            if not crl_issued_by(crl, issuer):
                continue
            key = spki_id(issuer.public_key())
            held = self._newest.get(key, [])
            if not held or crl.last_update_utc > held[0].crl.last_update_utc:
                self._newest[key] = [KnownList(crl, issuer)]
            elif crl.last_update_utc == held[0].crl.last_update_utc and all(crl != one.crl for one in held):
                held.append(KnownList(crl, issuer))  # neither is older: what either revokes is revoked
            return

    def newest(self) -> Iterator[KnownList]:
        """The newest list of every issuer's key."""
        for held in self._newest.values():
            yield from held

    def since(self, key: str, serial: int) -> datetime | None:
        """As of when the issuer with that key revoked the certificate of that number; None: it did not."""
        for one in self._newest.get(key, ()):
            revoked = one.crl.get_revoked_certificate_by_serial_number(serial)
            if revoked is not None:
                return _date_of(revoked, one.crl)
        return None

    def took_away(self, ground: Ground) -> datetime | None:
        """As of when a certificate that this ground stands on is revoked; None where none is."""
        found = [self.since(one.issuer, one.serial) for one in ground.chain]
        return min((one for one in found if one is not None), default=None)

    def ended(self, grounds: Iterable[Ground], at: datetime) -> Iterator[EndedListError]:
        """The newest lists that have ended, of the issuers that these grounds stand on."""
        for key in sorted({one.issuer for ground in grounds for one in ground.chain}):
            for one in self._newest.get(key, ()):
                ended = one.ended(at)
                if ended is not None:
                    yield EndedListError(one, ended)

    def wrong(self, crl: Crl, source: str) -> ForgedListError | UnfitListError | None:
        """Why a list that nobody known here has signed, or a partial one, is told; None where all is well.

        A list that names another key of the same name is a re-keyed CA's, which is not known here yet.
        """
        if any(crl_issued_by(crl, issuer) for issuer in self.issuers):
            if crl_is_complete(crl):
                return None
            return UnfitListError(source, crl.issuer, "does not list all whom its issuer revoked")
        for issuer in self.issuers:
            if crl.issuer == issuer.subject and _names_key_of(crl, issuer):
                return ForgedListError(source, issuer)
        return None


def _date_of(revoked: x509.RevokedCertificate, crl: Crl) -> datetime:
    """The date that the list states, and at the latest that of the list itself, which knew of it."""
    try:
        return min(revoked.revocation_date_utc, crl.last_update_utc)
    except ValueError:
        return crl.last_update_utc  # there is no such date; revoked it is


def _names_key_of(crl: Crl, issuer: x509.Certificate) -> bool:
    try:
        said = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except (x509.ExtensionNotFound, ValueError):
        return True
    return said is None or said == own


class CrlShelf:
    """A folder with the newest list of each issuer's key, and the certificates of the issuers."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "crls"

    def all(self) -> tuple[Crl, ...]:
        """Every list that is kept; one that was damaged on the disk is fetched again anyway."""
        return tuple(crl for _, crl in self._by_path())

    def issuers(self) -> tuple[x509.Certificate, ...]:
        """The certificates of every issuer that was met in a proof."""
        found: list[x509.Certificate] = []
        for path in sorted(self._folder.glob("*.cer")):
            try:
                found.append(x509.load_der_x509_certificate(_read(path)))
            except (OSError, ValueError):
                continue
        return tuple(found)

    def learn(self, issuers: Iterable[x509.Certificate]) -> None:
        """Keep the certificates of issuers from a proof, one for each name and key.

        Raises:
            LibraryError: one cannot be written.
        """
        for issuer in issuers:
            path = self._folder / f"{_name(issuer)}.cer"
            if not path.exists():
                self._write(path, issuer.public_bytes(Encoding.DER))

    def keep(self, newest: Iterable[KnownList]) -> None:
        """Keep these lists, and drop the older ones of the same keys.

        Raises:
            LibraryError: one cannot be written.
        """
        wanted = {self._path_of(one): one for one in newest}
        held = dict(self._by_path())
        for path, one in wanted.items():
            if path not in held:
                self._write(path, one.crl.public_bytes(Encoding.DER))
        issuers = tuple(one.issuer for one in wanted.values())
        for path, crl in held.items():
            if path not in wanted and any(crl_issued_by(crl, issuer) for issuer in issuers):
                path.unlink(missing_ok=True)

    def _path_of(self, one: KnownList) -> Path:
        digest = sha256(one.crl.public_bytes(Encoding.DER)).hexdigest()[:16]
        return self._folder / f"{_name(one.issuer)}-{digest}.crl"

    def _by_path(self) -> Iterator[tuple[Path, Crl]]:
        for path in sorted(self._folder.glob("*.crl")):
            try:
                yield path, load_crl(_read(path), source=path.name)
            except (OSError, CrlUnreadableError):
                continue

    def _write(self, path: Path, content: bytes) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            replace_file(path, content)
        except OSError as error:
            raise LibraryError(self._folder, error) from None


def _name(issuer: x509.Certificate) -> str:
    return sha256(issuer.subject.public_bytes() + spki_id(issuer.public_key()).encode()).hexdigest()[:32]


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES)
