"""Taking over what a CA answered, or a key with its certificates from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.clock import to_text
from feedsrv.publishing.key_register.desk import ANCHORED, Desk, refuse_revoked
from feedsrv.publishing.key_register.keyring import Keyring, issued
from feedsrv.publishing.key_register.refusals import (
    NoKeyForItError,
    NoPlaceError,
    OtherAuthorityError,
    PlaceTakenError,
    ProfileError,
    TwoKeysError,
    WrongKeyStageError,
    WrongRoleError,
)
from feedsrv.publishing.trust_records import KeyRecord, KeyStage
from feedsrv.signing.backends import describe_place, open_key, store_key
from feedsrv.signing.ordering import order_chain
from feedsrv.signing.receiving import read_bundle
from feedsrv.signing.requesting import PublicKey, check_key
from feedsrv.signing.signer import KeyExistsError, PrivateKey
from feedsrv.trust.believing import check_signer
from feedsrv.trust.certificates import name_of
from feedsrv.trust.looking import Deviation, lint_certificate, lint_chain
from feedsrv.trust.profile import SIGNERS, Role, fingerprint, spki_id
from feedsrv.trust.refusals import AnchorUnknownError, ChainSignatureError

_KINDS: Final = {role: kind for kind, role in SIGNERS.items()}


@dataclass(frozen=True)
class Brought:
    """What an import brought: the record, and what the profile advises against though nobody refuses it."""

    record: KeyRecord
    advice: tuple[Deviation, ...]
    is_known: bool
    """True where the register had it already; nothing was changed."""


@dataclass(frozen=True)
class _Meant:
    """Which key an import is about, and what is known of it already."""

    public_key: PublicKey
    known: KeyRecord | None
    place: str | None
    private_key: PrivateKey | None


class ImportingKeys(Desk):
    """From files to a record that is ready to be used."""

    def import_(  # noqa: PLR0913 -- what an import says
        self,
        files: Sequence[tuple[str, bytes]],
        *,
        by: str,
        role: Role | None = None,
        place: str | None = None,
        passphrase: bytes | None = None,
        exportable: bool = False,
    ) -> Brought:
        """Take over a certificate with its chain, in any order and form, and a private key where one is held.

        It is matched by its public key: with a request or a key of the register, with the private key in
        the files, which is put at `place`, or with the key that lies at `place` already. A root needs
        none of these where `role` says that it is one.

        Raises:
            BadInputError: the files cannot be read, or hold what nothing here is about.
            ProfileError: a verifier would refuse it in its role; every reason is listed.
            UntrustedError: agents would refuse what it signs.
            OtherAuthorityError: it leads to no root that is known here.
        """
        actor = self._admitted(by)
        names = ", ".join(name for name, _ in files)
        held, key = _read(files, passphrase)
        ring = self.keyring()
        with self._told(actor, "key.import", names):
            meant = self._meant(held, key, ring, role, place, names)
            role = _role_of(meant, role, names)
            check_key(meant.public_key, role, name=names)
            chain = _chain_of(meant, held, ring, names)
            advice = self._check(chain, role, ring)
            with self._store.look() as work:
                refuse_revoked(work, chain, ring)
            if meant.private_key is not None:
                _put(meant.private_key, meant.place)
                self._after("key stored")
            return self._keep(meant, chain, role, advice, exportable=exportable, by=actor)

    def _meant(  # noqa: PLR0913, PLR0917 -- all that the decision rests on
        self,
        held: Sequence[x509.Certificate],
        key: PrivateKey | None,
        ring: Keyring,
        role: Role | None,
        place: str | None,
        names: str,
    ) -> _Meant:
        records = {one.key: one.record for one in reversed(ring.keys) if one.record is not None}
        if key is not None:
            if place is None:
                raise NoPlaceError(
                    f"{names}: holds a private key; say with --place where it is to live, such as "
                    "file:/etc/feedsrv/feed.key.pem"
                )
            public = key.public_key()
            return _Meant(public, records.get(spki_id(public)), place, key)
        if place is not None:
            public = open_key(place).private_key.public_key()
            return _Meant(public, records.get(spki_id(public)), place, None)
        # A CA's answer may hold its own certificate, too, and that CA may be ours.
        lowest = [one for one in held if not any(other is not one and issued(other, one) for other in held)]
        ours = [one for one in lowest if spki_id(one.public_key()) in records]
        if len(ours) > 1:
            raise TwoKeysError(
                f"{names}: holds certificates for {len(ours)} keys of the register; import each on its own: "
                + "; ".join(map(name_of, ours))
            )
        if ours:
            found = records[spki_id(ours[0].public_key())]
            assert found is not None
            return _Meant(check_key(ours[0].public_key(), found.role, name=names), found, found.place, None)
        if role is Role.ROOT:
            roots = [one for one in held if one.subject == one.issuer]
            if len(roots) != 1:
                raise TwoKeysError(f"{names}: holds {len(roots)} roots; import one at a time")
            return _Meant(check_key(roots[0].public_key(), role, name=names), None, None, None)
        raise NoKeyForItError(
            f"{names}: holds {'; '.join(map(name_of, lowest or held))}, for none of whose keys there is a "
            "request here. Is it the answer to another request? Where the key lives elsewhere, name it with "
            "--place; a root that only anchors is imported with --role root"
        )

    def _check(self, chain: Sequence[x509.Certificate], role: Role, ring: Keyring) -> tuple[Deviation, ...]:
        """Refuse what a verifier would refuse; what it would bear is told."""
        # One that begins tomorrow may be brought today; `use` asks again.
        at = max(self._now(), chain[0].not_valid_before_utc)
        found = (
            lint_chain(_path(chain), _KINDS[role], at=at, eku=self._eku)
            if role in _KINDS
            else lint_certificate(chain[0], [role], at=at, issuers=chain[1:], eku=self._eku)
        )
        refused = [one for one in found if one.refused]
        if refused:
            raise ProfileError(f"{name_of(chain[0])} as {role}", refused)
        if role in _KINDS:
            anchors = ring.anchors(*ANCHORED)
            if not anchors:
                raise OtherAuthorityError(
                    f"no root is known here, under which {name_of(chain[0])} could be believed: import it "
                    "first, with `feedsrv key import --role root FILE`"
                )
            try:
                check_signer(chain, self._policy(anchors), _KINDS[role], at=at, source="import")
            except (AnchorUnknownError, ChainSignatureError) as unknown:
                raise OtherAuthorityError(
                    f"{name_of(chain[0])} was issued by another CA than those known here ({unknown.found}). "
                    "If that is meant, import its root first, with `feedsrv key import --role root FILE`; "
                    "else ask the right CA"
                ) from None
        return tuple(one for one in found if not one.refused)

    def _keep(  # noqa: PLR0913 -- what the record says
        self,
        meant: _Meant,
        chain: Sequence[x509.Certificate],
        role: Role,
        advice: tuple[Deviation, ...],
        *,
        exportable: bool,
        by: str,
    ) -> Brought:
        at = self._now()
        key, certificate = spki_id(meant.public_key), fingerprint(chain[0])
        ders = tuple(one.public_bytes(Encoding.DER) for one in chain)
        with self._store.begin() as work:
            same = [one for one in work.keys.all() if one.key == key]
            before = next((one for one in same if one.certificate == certificate), None)
            if before is not None and before.stage is KeyStage.RETIRED:
                raise WrongKeyStageError(
                    f"{name_of(chain[0])} was retired, and is never used again; ask for a new certificate"
                )
            if before is not None and (before.chain, before.place) == (ders, meant.place):
                return Brought(before, advice, is_known=True)
            made = KeyRecord(
                key=key,
                certificate=certificate,
                role=role,
                stage=before.stage if before else KeyStage.READY,
                place=meant.place,
                exportable=meant.known.exportable if meant.known else exportable,
                request=next((one.request for one in same if one.request), None),
                chain=ders,
                by=by,
                at=at,
            )
            work.keys.remove(key, None)
            work.keys.save(made)
            self._write(
                work,
                at,
                by,
                "key.import",
                certificate,
                role=role.slug,
                place=describe_place(meant.place) if meant.place else "",
                ends=to_text(chain[0].not_valid_after_utc),
            )
        return Brought(made, advice, is_known=False)


def _read(
    files: Sequence[tuple[str, bytes]], passphrase: bytes | None
) -> tuple[tuple[x509.Certificate, ...], PrivateKey | None]:
    bundles = [read_bundle(data, source=name, passphrase=passphrase) for name, data in files]
    keys = {spki_id(one.private_key.public_key()): one.private_key for one in bundles if one.private_key}
    if len(keys) > 1:
        raise TwoKeysError("the files hold more than one private key; import each on its own")
    held = tuple(dict.fromkeys(one for bundle in bundles for one in bundle.certificates))
    return held, next(iter(keys.values()), None)


def _role_of(meant: _Meant, role: Role | None, names: str) -> Role:
    if meant.known is not None:
        if role not in {None, meant.known.role}:
            raise WrongRoleError(
                f"{names}: its key was made for the role {meant.known.role.slug}, and no key has two roles; "
                f"request another one for the role {role.slug}"
            )
        return meant.known.role
    if role is None:
        raise WrongRoleError(f"{names}: its key is new here; say with --role what it is for")
    return role


def _chain_of(
    meant: _Meant, held: Sequence[x509.Certificate], ring: Keyring, names: str
) -> tuple[x509.Certificate, ...]:
    """The certificate with its issuers; what the CA left out is added where it is known here."""
    wanted = spki_id(meant.public_key)
    known = (one for one in ring.certificates() if spki_id(one.public_key()) != wanted)
    return order_chain((*held, *known), meant.public_key, source=names)


def _path(chain: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """A chain without the further certificates of an issuer's key that come after it."""
    path = [chain[0]]
    for certificate in chain[1:]:
        if path[-1].subject != path[-1].issuer and issued(path[-1], certificate):
            path.append(certificate)
    return tuple(path)


def _put(key: PrivateKey, place: str | None) -> None:
    assert place is not None, "asked for before"
    try:
        store_key(place, key)
    except KeyExistsError as exists:
        # An import that was cut short after this point goes on here.
        if spki_id(open_key(place).private_key.public_key()) != spki_id(key.public_key()):
            raise PlaceTakenError(f"{exists}. Name another place") from None
