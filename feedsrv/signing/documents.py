"""Signing a document by splicing the signature into its bytes.

The bytes that people approved are never written anew: the signature is inserted before the root's end
tag, and cutting it out gives the same bytes back. So "what was approved is what was signed" can be
shown byte for byte, by anybody, with `without_signature`.
"""

from __future__ import annotations

import re
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

from feedsrv.codec.parsing import LIMITS_FEED, LIMITS_MITIGATION, parse
from feedsrv.errors import FeedsrvError
from feedsrv.signing.signer import KeyAwayError, PrivateKey, Signer, SigningError
from feedsrv.trust.certificates import name_of
from feedsrv.trust.form import read_form
from feedsrv.trust.profile import DS, ROOTS, Kind, spki_id
from feedsrv.trust.signature import signed_content

_END_TAG: Final = re.compile(rb"</[^<>/\s]+\s*>\s*\Z")
_OPENS: Final = b'<ds:Signature xmlns:ds="' + DS.encode() + b'">'
_CLOSES: Final = b"</ds:Signature>"


class KeyMismatchError(SigningError):
    """The private key is not the one in the signer's certificate."""

    code = "signing.key_mismatch"


class ChainOrderError(SigningError):
    """The certificates are not in the order signer, issuer, its issuer, or one stands twice."""

    code = "signing.chain_order"


class NotSignableError(SigningError):
    """The bytes are no unsigned document of ours."""

    code = "signing.not_signable"


class SignatureFailedError(SigningError):
    """The key or the library did not deliver a signature that holds."""

    code = "signing.failed"


def sign_document(unsigned: bytes, signer: Signer) -> bytes:
    """Sign, and prove at once that the signature holds and that the rest is untouched.

    With an RSA key the same input gives the same bytes.

    Raises:
        KeyMismatchError, ChainOrderError: the signer's key and certificates do not belong together.
        NotSignableError: not an unsigned mitigation or feed.
        SignatureFailedError: what came out would not be accepted.
        SigningError, KeyAwayError: the key's place refused, or did not answer.
    """
    check_belongs_together(signer.private_key, signer.chain, name=signer.name)
    end = _END_TAG.search(unsigned)
    if end is None:
        raise NotSignableError("the document does not end with the end tag of its root element")
    kind, root = _read_unsigned(unsigned)
    signed = unsigned[: end.start()] + _signature(root, signer) + unsigned[end.start() :]
    _check_signed(signed, unsigned, signer, kind)
    return signed


def without_signature(signed: bytes) -> bytes:
    """The bytes as they were before `sign_document` signed them.

    Raises:
        NotSignableError: there is no signature as we write it.
    """
    start, end = signed.rfind(_OPENS), signed.rfind(_CLOSES)
    if start == -1 or end < start:
        raise NotSignableError("the document holds no signature as written here")
    return signed[:start] + signed[end + len(_CLOSES) :]


def check_belongs_together(key: PrivateKey, chain: tuple[x509.Certificate, ...], *, name: str) -> None:
    """The key is the first certificate's, and each one after it issued one of those before it.

    So a chain may end with further certificates of an issuer's key: another root vouches for the same CA.

    Raises:
        KeyMismatchError, ChainOrderError: not so.
    """
    if not chain:
        raise ChainOrderError(f"{name}: there is no certificate; give the signer's, then its issuer's")
    if spki_id(key.public_key()) != spki_id(chain[0].public_key()):
        raise KeyMismatchError(
            f"{name}: the private key does not belong to {name_of(chain[0])}; "
            "give the key of that certificate, and put the signer's certificate first"
        )
    for position, upper in enumerate(chain[1:], start=1):
        before = chain[:position]
        if upper in before:
            raise ChainOrderError(f"{name}: {name_of(upper)} stands twice; take the second one away")
        if not any(_issued(lower, upper) for lower in before):
            raise ChainOrderError(
                f"{name}: {name_of(before[-1])} was not issued by {name_of(upper)}, nor was any before it; "
                "put the signer's certificate first, then its issuer's, in order"
            )


def _issued(lower: x509.Certificate, upper: x509.Certificate) -> bool:
    try:
        lower.verify_directly_issued_by(upper)
    except Exception:  # noqa: BLE001 -- wrong name, wrong key, unknown algorithm: whatever the library says
        return False
    return True


def _read_unsigned(unsigned: bytes) -> tuple[Kind, etree._Element]:
    limits = max(LIMITS_MITIGATION, LIMITS_FEED, key=lambda one: one.max_bytes)
    try:
        root = parse(unsigned, limits=limits, source="document to sign")
    except FeedsrvError as error:
        raise NotSignableError(f"the document to sign cannot be read: {error}") from error
    kind = next((kind for kind, tag in ROOTS.items() if root.tag == tag), None)
    if kind is None:
        raise NotSignableError(f"only mitigations and feeds are signed here, not {root.tag!r}")
    if root.find(f".//{{{DS}}}Signature") is not None:
        raise NotSignableError("the document is signed already")
    return kind, root


def _signature(root: etree._Element, signer: Signer) -> bytes:
    method = (
        SignatureMethod.RSA_SHA256
        if isinstance(signer.private_key, rsa.RSAPrivateKey)
        else SignatureMethod.ECDSA_SHA256
    )
    writer = XMLSigner(
        signature_algorithm=method,
        digest_algorithm=DigestAlgorithm.SHA256,
        # The library's default is C14N 1.1, which .NET refuses.
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    try:
        tree = writer.sign(root, key=signer.private_key, cert=list(signer.chain))
    except (SigningError, KeyAwayError):
        raise  # a key's place says best itself what happened, and whether to try again
    except Exception as error:
        # A key may live in a module of any maker, whose errors nobody can list.
        raise SignatureFailedError(
            f"{signer.name}: signing failed ({type(error).__name__}: {error})"
        ) from error
    # Exclusive canonical form: it declares its own prefix and depends on nothing around it.
    return etree.tostring(tree[-1], method="c14n", exclusive=True)


def _check_signed(signed: bytes, unsigned: bytes, signer: Signer, kind: Kind) -> None:
    try:
        form = read_form(signed, kind=kind, source="signed document")
        signed_content(form, signer.chain[0], source="signed document")
    except FeedsrvError as error:
        raise SignatureFailedError(f"{signer.name}: the signature would be refused: {error}") from error
    if without_signature(signed) != unsigned:
        raise SignatureFailedError(f"{signer.name}: signing changed the document around the signature")
