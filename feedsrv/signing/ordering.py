"""Putting certificates in order: the one for a key first, then its issuers, as far as they are there.

Whether a chain may be used for a role is not asked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cryptography import x509

from feedsrv.errors import BadInputError
from feedsrv.signing.requesting import PublicKey
from feedsrv.trust.certificates import is_issued_by, issuer_of, name_of, read_party
from feedsrv.trust.profile import spki_id


class KeyNoMatchError(BadInputError):
    """None of the certificates is for this key."""

    code = "key.no_match"


class KeyAmbiguousError(BadInputError):
    """More than one of the certificates is for this key."""

    code = "key.ambiguous"


class KeyChainIncompleteError(BadInputError):
    """The certificate of the CA that issued is missing."""

    code = "key.chain_incomplete"


def order_chain(
    certificates: Iterable[x509.Certificate], public_key: PublicKey, *, source: str
) -> tuple[x509.Certificate, ...]:
    """The certificate for that key, its issuers in order, then further certificates of an issuer's key.

    What belongs to none of these is left out. A chain may end below the root, which others pin; only a
    certificate that is no CA's must have its issuer beside it.

    Raises:
        KeyNoMatchError, KeyAmbiguousError: which certificate is meant cannot be told.
        KeyChainIncompleteError: which CA's certificate is missing.
    """
    different = tuple(dict.fromkeys(certificates))
    wanted = spki_id(public_key)
    mine = [one for one in different if spki_id(one.public_key()) == wanted]
    if not mine:
        held = "; ".join(map(name_of, different)) or "none"
        raise KeyNoMatchError(
            f"{source}: no certificate is for the key {wanted}; it holds {held}. Ask the CA for the one that "
            "answers your request, or name the key that this one is for"
        )
    if len(mine) > 1:
        raise KeyAmbiguousError(
            f"{source}: {len(mine)} certificates are for the same key: {'; '.join(map(name_of, mine))}. "
            "Give a file with one of them"
        )
    chain = _climb(mine[0], different)
    if len(chain) == 1 and not _is_ca(chain[0], source) and chain[0].issuer != chain[0].subject:
        raise KeyChainIncompleteError(_missing(chain[0], different, source))
    issuers = {spki_id(one.public_key()) for one in chain[1:]}
    further = (one for one in different if one not in chain and spki_id(one.public_key()) in issuers)
    return (*chain, *further)


def _climb(start: x509.Certificate, pool: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """From issuer to issuer, as far as they are at hand."""
    chain = [start]
    while chain[-1].issuer != chain[-1].subject:
        issuers = _issuers(chain[-1], pool, chain)
        if not issuers:
            break
        # Of two certificates of one CA, the one under a root that is here leads further.
        chain.append(max(issuers, key=lambda one: bool(_issuers(one, pool, chain))))
    return tuple(chain)


def _issuers(
    certificate: x509.Certificate, pool: Iterable[x509.Certificate], used: Iterable[x509.Certificate]
) -> list[x509.Certificate]:
    return [
        one
        for one in pool
        if one not in used and one.subject == certificate.issuer and _signed(certificate, one)
    ]


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    return is_issued_by(certificate, read_party(issuer, source="issuer"))


def _is_ca(certificate: x509.Certificate, source: str) -> bool:
    return read_party(certificate, source=source).is_ca


def _missing(certificate: x509.Certificate, pool: Iterable[x509.Certificate], source: str) -> str:
    issuer = issuer_of(certificate)
    named = [one for one in pool if one.subject == certificate.issuer]
    if named:
        return (
            f"{source}: {name_of(certificate)} names {issuer} as its issuer, but {name_of(named[0])} did "
            "not sign it; ask the CA for the certificate of the key that it issues with now"
        )
    return (
        f"{source}: the certificate of {issuer}, which issued {name_of(certificate)}, is missing; ask the "
        "CA for it, and give both in one file"
    )
