"""Signing without any of our checks, in many shapes, for verifiers that must refuse."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

from feedsrv.signing.signer import PrivateKey
from feedsrv.trust.profile import DS


def sign_unchecked(
    unsigned: bytes,
    private_key: PrivateKey,
    certificates: Iterable[x509.Certificate],
    *,
    prefix: str | None = "ds",
    c14n: CanonicalizationMethod = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    digest: DigestAlgorithm = DigestAlgorithm.SHA256,
    method: SignatureMethod | None = None,
    reference_uri: str | None = None,
    key_value: bool = False,
) -> bytes:
    """Sign without any of our checks, in many shapes, for verifiers that must refuse."""
    is_rsa = isinstance(private_key, rsa.RSAPrivateKey)
    writer = XMLSigner(
        signature_algorithm=method
        or (SignatureMethod.RSA_SHA256 if is_rsa else SignatureMethod.ECDSA_SHA256),
        digest_algorithm=digest,
        c14n_algorithm=c14n,
    )
    # A None prefix is the default namespace, which signxml knows but does not type.
    namespaces: Any = {prefix: DS}
    writer.namespaces = namespaces
    tree = writer.sign(
        etree.fromstring(unsigned),
        key=private_key,
        cert=list(certificates),
        reference_uri=reference_uri,
        always_add_key_value=key_value,
    )
    signature = etree.tostring(tree[-1], method="c14n", exclusive=True)
    return splice(unsigned, signature)


def splice(document: bytes, inserted: bytes) -> bytes:
    """Insert bytes before the end tag of the root."""
    end = re.search(rb"</[^<>/]+>\s*\Z", document)
    assert end is not None
    return document[: end.start()] + inserted + document[end.start() :]
