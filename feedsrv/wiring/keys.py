"""From settings to the keys and certificates in force, whoever keeps them.

For each kind of document the signer is the one that a setting names, else the register's that is in use,
else the development PKI's, which steps in only where nothing at all is set.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, NoReturn

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.errors import OperatorError
from feedsrv.publishing.key_register.desk import refuse_revoked
from feedsrv.publishing.key_register.keyring import HeldKey, Keyring, organisation_of, without_roots
from feedsrv.publishing.proving import Signers
from feedsrv.publishing.trust_records import KeyStage
from feedsrv.settings import Settings
from feedsrv.signing import development
from feedsrv.signing.backends import describe_place, open_signer
from feedsrv.signing.development import ensure_development_pki
from feedsrv.signing.fitness import check_fit
from feedsrv.signing.signer import Signer, SigningError
from feedsrv.stores.database import file_of
from feedsrv.trust.believing import check_signer
from feedsrv.trust.policy import TrustPolicy, load_crl
from feedsrv.trust.profile import EKU, SIGNERS, Kind, fingerprint
from feedsrv.wiring.keyring import (
    DEVELOPMENT_PKI,
    kept,
    keyring_of,
    open_keyring,
    open_store,
    signs_alone,
    uses_development_pki,
)
from feedsrv.wiring.lists import POLICY, lists_in_force, named, public_lists, published_policy, renew_lists

__all__ = [
    "DEVELOPMENT",
    "Keys",
    "NoKeysError",
    "OrganisationsError",
    "OtherKeysError",
    "Trust",
    "open_keyring",
    "open_keys",
    "read_trust",
    "renew_lists",
]

DEVELOPMENT: Final = "feedsrv development"
"""The organisation of a development PKI: a customer's policy never names it."""

BOTH: Final = frozenset(Kind)
_SET_THEM: Final = (
    "set FEEDSRV_MITIGATION_SIGNER, FEEDSRV_FEED_SIGNER, FEEDSRV_ANCHORS and FEEDSRV_ORGANISATION, or put "
    "keys of the register to use (`feedsrv key use`)"
)


class NoKeysError(OperatorError):
    """No keys are set or in use, and there is no development PKI."""

    code = "keys.none"


class OtherKeysError(OperatorError):
    """What was published before is trusted under other anchors."""

    code = "keys.other"


class OrganisationsError(OperatorError):
    """The two signers are of different organisations, and agents ask for one."""

    code = "keys.organisations"


class NotOpenedError(SigningError):
    """A key was asked to sign that this process was not to open."""

    code = "keys.not_opened"


@dataclass(frozen=True)
class Trust:
    """What agents are to know, read without a private key and without a judgement."""

    chains: Mapping[Kind, tuple[x509.Certificate, ...]]
    """Of the signers in force, the signer's certificate first."""
    policy: TrustPolicy
    public_files: dict[str, bytes]
    """What is published for agents under `v1/trust/`, by path on the shelf."""


@dataclass(frozen=True)
class Keys:
    """Everything that signing, and judging what was signed, needs."""

    signers: Signers
    policy: TrustPolicy
    public_files: dict[str, bytes]
    """What is published for agents under `v1/trust/`, by path on the shelf."""
    development: bool = False
    """True where both signers are those of a development PKI, which protects nothing."""

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """SHA-256 of each anchor, as hexadecimal digits."""
        return tuple(map(fingerprint, self.policy.anchors))


@dataclass(frozen=True)
class ClosedSigner:
    """A `Signer` whose certificates are known, and whose key this process does not open."""

    name: str
    chain: tuple[x509.Certificate, ...]

    @property
    def private_key(self) -> NoReturn:
        """Nothing."""
        raise NotOpenedError(f"{self.name}: this process signs nothing with that key, and did not open it")


def open_keys(
    settings: Settings,
    *,
    now: datetime,
    tell: Callable[[str], None],
    make: bool = False,
    signing: frozenset[Kind] = BOTH,
) -> Keys:
    """Open the keys in force, and make sure that agents believe what they sign.

    Keys of kinds that are not in `signing` are neither opened nor judged. With `make`, a development PKI is
    made where there are no keys at all; `tell` is then given the warning that belongs to it. One that is
    used is renewed where needed.

    Raises:
        NoKeysError: none are set or in use, and there is no development PKI.
        OtherKeysError: nobody who trusts what was published before would trust what these sign.
        RevokedKeyError: a signer, or its issuer, was revoked.
        FeedsrvError: a key, a certificate or a revocation list cannot be used; which, and why.
    """
    published = _anchors_on(settings.shelf_folder)
    records, _ = kept(settings)
    if settings.own_keys is None and (not signs_alone(records) or uses_development_pki(settings, records)):
        # New keys beside what older ones signed, or beside a register, would be believed by nobody.
        _tend_development_pki(settings, now, tell, make=make and not published and not records)
    ring = keyring_of(settings, records)
    chosen = _chosen(settings, ring)
    signers = {
        kind: _open(held) if kind in signing else ClosedSigner(_name_of(held), _chain_of(held))
        for kind, held in chosen.items()
    }
    judged = [kind for kind in Kind if kind in signing]
    for kind in judged:
        check_fit(signers[kind], kind, at=now)
    trust = _trust(settings, ring, chosen)
    for kind in judged:
        _refuse_revoked(settings, chosen[kind], ring)
        check_signer(chosen[kind].chain, trust.policy, kind, at=now, source=signers[kind].name)
    keys = Keys(
        Signers(mitigation=signers[Kind.MITIGATION], feed=signers[Kind.FEED]),
        trust.policy,
        trust.public_files,
        development=all(held.source == DEVELOPMENT_PKI for held in chosen.values()),
    )
    if published and published.isdisjoint(keys.fingerprints):
        raise OtherKeysError(
            f"agents of the shelf {settings.shelf_folder} are told to pin other anchors than "
            f"{', '.join(one[:16] for one in keys.fingerprints)}, and would believe nothing more: publish "
            f"with the keys that it was begun with ({_SET_THEM}), keep the old root in FEEDSRV_ANCHORS or in "
            "use beside the new one, or begin with a new FEEDSRV_DATA"
        )
    return keys


def read_trust(settings: Settings) -> Trust:
    """What agents are to know, whether or not it still holds; no private key is touched.

    Raises:
        NoKeysError: no signer is set or in use, and there is no development PKI.
        FeedsrvError: a file that a setting names cannot be read, or the database cannot.
    """
    ring = open_keyring(settings)
    return _trust(settings, ring, _chosen(settings, ring))


def _tend_development_pki(
    settings: Settings, now: datetime, tell: Callable[[str], None], *, make: bool
) -> None:
    """Make it where there is none and that is wanted; renew it where it is."""
    folder = settings.development_folder
    if not (make or development.exists(folder)):
        return
    made = ensure_development_pki(folder, now=now, organisation=DEVELOPMENT)
    if made.created:
        (made.folder / ".gitignore").write_text("*\n", encoding="utf-8")  # wherever that folder lies
        tell(made.warning)


def _chosen(settings: Settings, ring: Keyring) -> dict[Kind, HeldKey]:
    """Who signs each kind of document."""
    return {kind: _signer_of(kind, settings, ring) for kind in Kind}


def _signer_of(kind: Kind, settings: Settings, ring: Keyring) -> HeldKey:
    found = [one for one in ring.keys if one.role is SIGNERS[kind] and one.stage is KeyStage.IN_USE]
    by_rank = sorted(found, key=lambda one: (not one.is_set, one.record is None))
    if not by_rank:
        raise NoKeysError(
            f"no {SIGNERS[kind]} is set or in use"
            + (
                f", and there is no development PKI in {settings.development_folder}: {_SET_THEM}; to try "
                "things out, begin with a new FEEDSRV_DATA, where the first `feedsrv run` makes one"
                if settings.own_keys is None
                else f": {_SET_THEM}"
            )
        )
    return by_rank[0]


def _trust(settings: Settings, ring: Keyring, chosen: Mapping[Kind, HeldKey]) -> Trust:
    lists = lists_in_force(settings, kept(settings)[1])
    anchors = ring.anchors(KeyStage.IN_USE)
    if not anchors:
        raise NoKeysError(
            "no root is in use, so agents could not believe anything: put one to use with `feedsrv key use`, "
            "or set FEEDSRV_ANCHORS"
        )
    policy = TrustPolicy(
        anchors=anchors,
        organisation=settings.organisation or _organisation(chosen),
        crls=tuple(load_crl(data, source=name) for name, data in lists.items()),
    )
    chains = {kind: _chain_of(held) for kind, held in chosen.items()}
    return Trust(chains, policy, _public_files(chains, policy, lists))


def _organisation(chosen: Mapping[Kind, HeldKey]) -> str | None:
    """What both issuing CAs say of their organisation."""
    found = {
        kind: organisation_of(held.chain[1].subject) for kind, held in chosen.items() if len(held.chain) > 1
    }
    if len(set(found.values())) > 1:
        listed = ", ".join(f"that of the {SIGNERS[kind]} is {name!r}" for kind, name in found.items())
        raise OrganisationsError(
            f"agents ask for one organisation of both issuing CAs, and {listed}: put signers of one "
            "organisation to use (`feedsrv key use`), or set all keys"
        )
    return next(iter(found.values()), None)


def _refuse_revoked(settings: Settings, held: HeldKey, ring: Keyring) -> None:
    """By the register's own word, even where the CA's key was away and there is no list of it yet."""
    if file_of(settings.database).is_file():
        with open_store(settings) as store, store.look() as work:
            refuse_revoked(work, held.chain, ring)


def _open(held: HeldKey) -> Signer:
    if held.place is None:
        raise NoKeysError(f"the private key of {held} is not here: import it with its place, or use another")
    return open_signer(held.place, chain=_chain_of(held))


def _name_of(held: HeldKey) -> str:
    return describe_place(held.place) if held.place else str(held)


def _chain_of(held: HeldKey) -> tuple[x509.Certificate, ...]:
    """As documents carry it. What an operator laid out in a file is taken as it is."""
    return held.chain if held.is_set else without_roots(held.chain)


def _anchors_on(shelf: Path) -> frozenset[str]:
    """Fingerprints of the anchors that agents of this shelf are told to pin; none on an empty shelf."""
    published = published_policy(shelf)
    return frozenset() if published is None else frozenset(published["anchors"])


def _public_files(
    chains: Mapping[Kind, tuple[x509.Certificate, ...]], policy: TrustPolicy, lists: dict[str, bytes]
) -> dict[str, bytes]:
    intermediates = dict.fromkeys(
        certificate for kind in Kind for certificate in chains[kind][1:] if certificate not in policy.anchors
    )
    words = {
        "organisation": policy.organisation,
        "eku": {kind.value: EKU[kind].dotted_string for kind in Kind},
        "anchors": [fingerprint(anchor) for anchor in policy.anchors],
        "crls": named(lists),
    }
    return {
        "v1/trust/anchors.pem": b"".join(one.public_bytes(Encoding.PEM) for one in policy.anchors),
        "v1/trust/intermediates.pem": b"".join(one.public_bytes(Encoding.PEM) for one in intermediates),
        POLICY: json.dumps(words, indent=2).encode() + b"\n",
        **public_lists(lists),
    }
