"""New keys, requests for their certificates, and certificates by CAs of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from feedsrv.publishing.key_register.desk import Desk, refuse_compromised, refuse_revoked, revocations_of
from feedsrv.publishing.key_register.keyring import HeldKey, Keyring, organisation_of
from feedsrv.publishing.key_register.refusals import (
    NoAuthorityError,
    NoRequestError,
    PlaceTakenError,
    WrongKeyStageError,
    WrongRoleError,
)
from feedsrv.publishing.ports import Work
from feedsrv.publishing.trust_records import KeyRecord, KeyStage
from feedsrv.signing import issuing
from feedsrv.signing.backends import create_key, describe_place, open_key
from feedsrv.signing.issuing import Authority
from feedsrv.signing.requesting import (
    alternative_names,
    check_key,
    make_request,
    profile_extensions,
    read_request,
    subject_of,
)
from feedsrv.signing.signer import KeyExistsError, OpenedKey, PrivateKey
from feedsrv.trust.certificates import name_of
from feedsrv.trust.profile import ISSUERS, SIGNERS, KeyKind, Role, fingerprint, spki_id

PARENTS: Final = {role: ISSUERS[kind] for kind, role in SIGNERS.items()}
"""Which CA issues for whom; all others are the root's."""


@dataclass(frozen=True)
class Requested:
    """A request, and whether an earlier run that was cut short had made its key."""

    record: KeyRecord
    is_finished: bool


class MakingKeys(Desk):
    """The beginning of a key's life."""

    def request(  # noqa: PLR0913 -- what a request says
        self,
        role: Role,
        place: str,
        *,
        organisation: str,
        by: str,
        kind: KeyKind = KeyKind.RSA_3072,
        exportable: bool = False,
        common_name: str | None = None,
        names: Sequence[str] = (),
        existing: bool = False,
    ) -> Requested:
        """Make a key at a place, and a request that asks for exactly what its role needs.

        With `existing`, the key that lies there already is used: for a renewal with the same key, or a
        key that was made in a ceremony. What an earlier run made and could not write down is taken up.

        Raises:
            PlaceTakenError: a key lies there that was not made for this.
            WrongRoleError, WrongKeyStageError, RevokedKeyError: the existing key is another role's, was
                retired, or is in wrong hands.
            BadInputError: the request cannot be made of these words.
            SigningError, KeyAwayError: the place cannot be used, or not now.
        """
        actor = self._admitted(by)
        where = describe_place(place)
        # Words that cannot stand in a request are refused before there is a key.
        subject_of(role, organisation=organisation, common_name=common_name, names=names)
        alternative_names(role, names)
        detail = {"role": role.slug, "kind": kind.value, "exportable": "yes" if exportable else "no"}
        with self._told(actor, "key.request", where):
            opened, is_finished = (
                (open_key(place), False) if existing else self._make_key(place, where, kind, detail, actor)
            )
            check_key(opened.private_key.public_key(), role, name=where)
            der = _request(
                opened.private_key, role, organisation=organisation, common_name=common_name, names=names
            )
            return Requested(
                self._keep_request(opened, role, place, der, exportable=exportable, by=actor), is_finished
            )

    def _make_key(
        self, place: str, where: str, kind: KeyKind, detail: dict[str, str], by: str
    ) -> tuple[OpenedKey, bool]:
        """A new key, or the one that an earlier run had made for the same request."""
        with self._store.begin() as work:
            taken = [one for one in work.keys.all() if one.place == place]
            if taken:
                raise PlaceTakenError(
                    f"{where}: holds the key of {taken[0].role} {taken[0].id[:16]} already; name another "
                    "place, or ask for another certificate of that key with --existing"
                )
            begun = _unfinished(work, where, detail)
            # Written down first: if this is cut short, the next run knows whose key lies there.
            self._write(work, self._now(), by, "key.make", where, **detail)
        try:
            opened = create_key(place, kind, exportable=detail["exportable"] == "yes")
        except KeyExistsError as exists:
            if not begun:
                raise PlaceTakenError(
                    f"{exists}. Name another place, or ask for a certificate of that key with --existing"
                ) from None
            return open_key(place), True
        self._after("key made")
        return opened, False

    def _keep_request(  # noqa: PLR0913 -- the fields of the record
        self, opened: OpenedKey, role: Role, place: str, der: bytes, *, exportable: bool, by: str
    ) -> KeyRecord:
        at = self._now()
        made = KeyRecord(
            key=spki_id(opened.private_key.public_key()),
            certificate=None,
            role=role,
            stage=KeyStage.REQUESTED,
            place=place,
            exportable=exportable,
            request=der,
            chain=(),
            by=by,
            at=at,
        )
        with self._store.begin() as work:
            before = [one for one in work.keys.all() if one.key == made.key]
            if before:
                # Whether a key may leave its place was said when it was made.
                made = replace(made, exportable=before[0].exportable)
            if before and all(one.stage is KeyStage.RETIRED for one in before):
                raise WrongKeyStageError(
                    f"{describe_place(place)}: holds a key that was retired, and is never used again; make "
                    "another one elsewhere"
                )
            refuse_compromised(work, made.key, self._ring(work))
            if any(one.role is not role for one in before):
                raise WrongRoleError(
                    f"{describe_place(place)}: is a key for the role {before[0].role.slug}, and no key has "
                    f"two roles; make another one for the role {role.slug}"
                )
            work.keys.save(made)
            self._write(work, at, by, "key.request", made.key, role=role.slug, place=describe_place(place))
        return made

    def issue(
        self,
        written: str,
        *,
        by: str,
        issuer: str | None = None,
        itself: bool = False,
        lifetime: timedelta | None = None,
    ) -> KeyRecord:
        """Certify a request of the register by a CA of ours, or by itself for a root.

        Raises:
            UnknownKeyError, NoRequestError: there is no such request.
            NoAuthorityError: which CA is to issue it cannot be told.
            SigningError, KeyAwayError: the CA's key cannot be used, or not now.
        """
        actor = self._admitted(by)
        with self._told(actor, "key.issue", written[:64]):
            ring = self.keyring()
            asked = ring.find(written)
            if asked.record is None or asked.record.request is None or asked.stage is not KeyStage.REQUESTED:
                raise NoRequestError(
                    f"{asked} is no open request; make one with `feedsrv key request`, with --existing for "
                    "another certificate of the same key"
                )
            if (asked.role is Role.ROOT) is not itself:
                raise WrongRoleError(f"{asked}: a root is issued by itself, with --self, and nothing else is")
            request = read_request(asked.record.request, source=str(asked))
            if itself:
                chain: tuple[x509.Certificate, ...] = (self._issue_root(asked, request, lifetime),)
            else:
                parent = self._parent(ring, asked.role, issuer)
                chain = (self._certify(request, asked.role, parent, lifetime), *parent.chain)
            return self._keep_issued(asked.record, chain, actor)

    def certify(  # noqa: PLR0913 -- as `issue`, with the request itself
        self,
        data: bytes,
        role: Role,
        *,
        source: str,
        by: str,
        issuer: str | None = None,
        lifetime: timedelta | None = None,
    ) -> tuple[x509.Certificate, ...]:
        """Certify the request of somebody else by a CA of ours; the certificate, then its issuers.

        Raises:
            As `issue` does, and for what is no request.
        """
        actor = self._admitted(by)
        with self._told(actor, "key.issue", source):
            request = read_request(data, source=source)
            parent = self._parent(self.keyring(), role, issuer)
            chain = (self._certify(request, role, parent, lifetime), *parent.chain)
            with self._store.begin() as work:
                self._write_issued(work, chain, role, actor)
        return chain

    def _issue_root(
        self, asked: HeldKey, request: x509.CertificateSigningRequest, lifetime: timedelta | None
    ) -> x509.Certificate:
        assert asked.place is not None, "what was requested here lies at a place"
        if lifetime is not None:
            raise WrongRoleError("a root lasts as long as its profile says; leave --days out")
        organisation = organisation_of(request.subject)
        names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        assert organisation is not None, "requests of ours name one"
        return issuing.issue_root(
            open_key(asked.place).private_key,
            organisation=organisation,
            common_name=str(names[0].value),
            now=self._now(),
        )

    def _certify(
        self,
        request: x509.CertificateSigningRequest,
        role: Role,
        parent: HeldKey,
        lifetime: timedelta | None,
    ) -> x509.Certificate:
        return issuing.certify(request, role, authority_of(parent), now=self._now(), lifetime=lifetime)

    def _parent(self, ring: Keyring, role: Role, written: str | None) -> HeldKey:
        """The CA that issues for that role."""
        wanted = PARENTS.get(role, Role.ROOT)
        if role is Role.ROOT:
            raise WrongRoleError("a root is issued by itself: request it here, then issue it with --self")
        if written is not None:
            found = ring.find(written)
            if found.role is not wanted or not found.chain:
                raise WrongRoleError(f"{found} does not issue for the role {role.slug}; the {wanted} does")
            able = [found]
        else:
            able = [one for one in ring.authorities() if one.role is wanted and one.place is not None]
        with self._store.look() as work:
            able = [one for one in able if written or not _is_over(work, ring, one, self._now())]
            # A development PKI's CA is meant only where there is none of our own.
            able = [one for one in able if one.record is not None] or able
            if len(able) != 1:
                names = ", ".join(one.id[:16] for one in able)
                raise NoAuthorityError(
                    f"there is no {wanted} here that could issue for the role {role.slug}: request and issue "
                    "one, or have the request answered elsewhere"
                    if not able
                    else f"{len(able)} CAs could issue for the role {role.slug} ({names}): say which with "
                    "--issuer"
                )
            if able[0].stage is KeyStage.RETIRED:
                raise WrongKeyStageError(f"{able[0]} is retired, and issues no more")
            refuse_revoked(work, able[0].chain, ring)
        return able[0]

    def _keep_issued(self, asked: KeyRecord, chain: tuple[x509.Certificate, ...], by: str) -> KeyRecord:
        record = replace(
            asked,
            certificate=fingerprint(chain[0]),
            stage=KeyStage.READY,
            chain=tuple(one.public_bytes(Encoding.DER) for one in chain),
            by=by,
            at=self._now(),
        )
        with self._store.begin() as work:
            work.keys.remove(asked.key, None)
            work.keys.save(record)
            self._write_issued(work, chain, asked.role, by)
        return record

    def _write_issued(self, work: Work, chain: tuple[x509.Certificate, ...], role: Role, by: str) -> None:
        self._write(
            work,
            self._now(),
            by,
            "key.issue",
            fingerprint(chain[0]),
            role=role.slug,
            serial=f"{chain[0].serial_number:x}",
            issuer=fingerprint(chain[-1] if len(chain) == 1 else chain[1]),
        )


def authority_of(held: HeldKey) -> Authority:
    """A CA with its key opened.

    Raises:
        NoAuthorityError: its key is not ours to use.
        SigningError, KeyAwayError: its key cannot be used, or not now.
    """
    if held.place is None:
        raise NoAuthorityError(
            f"the key of {name_of(held.chain[0])} is not kept here; do this where it is, and import what "
            "comes of it"
        )
    opened = open_key(held.place)
    if spki_id(opened.private_key.public_key()) != held.key:
        raise NoAuthorityError(
            f"{describe_place(held.place)}: holds another key than that of {name_of(held.chain[0])}; put the "
            "right one back"
        )
    return Authority(held.chain[0], opened.private_key)


def _request(
    key: PrivateKey, role: Role, *, organisation: str, common_name: str | None, names: Sequence[str]
) -> bytes:
    if role is not Role.ROOT:
        return make_request(key, role, organisation=organisation, common_name=common_name, names=names)
    # A root asks nobody. Its request holds its name until it signs itself, or goes to another root that
    # vouches for it.
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        subject_of(role, organisation=organisation, common_name=common_name)
    )
    for extension, critical in profile_extensions(role, None):
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def _unfinished(work: Work, where: str, detail: dict[str, str]) -> bool:
    """True where the newest word on that place is that the very same key was to be made."""
    for entry in reversed(work.audit.entries()):
        if dict(entry.detail).get("place") == where:
            return False  # what was made there then has been written down since
        if entry.subject == where and entry.verb.startswith("key."):
            said = {name: value for name, value in entry.detail.items() if name != "via"}
            return entry.verb == "key.make" and said == detail
    return False


def _is_over(work: Work, ring: Keyring, held: HeldKey, at: datetime) -> bool:
    if at > held.chain[0].not_valid_after_utc:
        return True
    return bool(revocations_of(work, held.chain[:1], ring))
