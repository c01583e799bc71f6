"""A second opinion by another implementation (libxmlsec1), before anything is published.

What signed the document also verified it, so a fault that both share would pass unseen. Nothing here
decides trust: receivers go by `feedsrv.trust`. This is the only place that imports xmlsec.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from threading import Lock
from typing import Final

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from feedsrv.clock import now
from feedsrv.errors import FeedsrvError
from feedsrv.signing.signer import SigningError, holds, links_of
from feedsrv.trust.certificates import find_signer
from feedsrv.trust.form import read_form
from feedsrv.trust.profile import DS, ROOTS, Kind

# libxmlsec1 keeps its errors in one place for the whole process.
_ONE_AT_A_TIME: Final = Lock()


class CrossCheckError(SigningError):
    """The second implementation does not accept what the first one signed; nothing was published."""

    code = "signing.cross_check"


def cross_check(signed: bytes, anchors: Iterable[x509.Certificate], at: datetime) -> bool:
    """Verify signature and chain by libxmlsec1. True where the chain could be asked, too.

    libxmlsec1 judges a chain by this machine's clock only. Where that clock and `at` disagree on
    whether the certificates are valid, as when looking at the past, the signature alone is checked.
    So it is where a CA stands in the document under two roots, and the first of its certificates, the
    only one that libxmlsec1 follows, leads to no anchor.

    Raises:
        CrossCheckError: the signature or the chain is refused, or a certificate is not valid at `at`.
    """
    pinned = tuple(anchors)
    kind = Kind.MITIGATION if ROOTS[Kind.MITIGATION].partition("}")[0][1:].encode() in signed else Kind.FEED
    try:
        form = read_form(signed, kind=kind, source="signed document")
        signer = find_signer(form.certificates, source="signed document")
    except FeedsrvError as error:
        raise CrossCheckError(f"the signed document is not of the published shape: {error}") from error
    links = links_of(form.certificates)
    if not all(any(holds(one, at) for one in link) for link in links):
        raise CrossCheckError("a certificate in the signed document is not valid at the time of signing")
    clock = now()
    with _ONE_AT_A_TIME:
        if not all(holds(one, clock) for one in (*form.certificates, *pinned)):
            _verify(signed, key=_key_of(signer))
            return False
        return _ask_for_the_chain(signed, signer, pinned, is_bridged=any(len(link) > 1 for link in links))


def _ask_for_the_chain(
    signed: bytes, signer: x509.Certificate, pinned: tuple[x509.Certificate, ...], *, is_bridged: bool
) -> bool:
    try:
        _verify(signed, trusted=pinned)  # asks for the signature, too
    except CrossCheckError:
        # Which of the two it was is worth a second look only now.
        _verify(signed, key=_key_of(signer))
        if not is_bridged:
            raise
        return False
    return True


def _key_of(certificate: x509.Certificate) -> xmlsec.Key:
    return xmlsec.Key.from_memory(_pem(certificate), xmlsec.constants.KeyDataFormatCertPem)


def _verify(
    signed: bytes, *, key: xmlsec.Key | None = None, trusted: tuple[x509.Certificate, ...] = ()
) -> None:
    manager = xmlsec.KeysManager()
    for anchor in trusted:
        manager.load_cert_from_memory(
            _pem(anchor), xmlsec.constants.KeyDataFormatCertPem, xmlsec.constants.KeyDataTypeTrusted
        )
    context = xmlsec.SignatureContext(manager)  # type: ignore[call-arg]  # its stub forgot the argument
    if key is not None:
        context.key = key
    else:
        # Certificates only: a bare key in the document must not vouch for itself.
        context.set_enabled_key_data([xmlsec.constants.KeyDataX509])
    root = etree.fromstring(signed, etree.XMLParser(resolve_entities=False, no_network=True))
    signature = root.find(f"{{{DS}}}Signature")
    if signature is None:
        raise CrossCheckError("the signed document holds no signature")
    try:
        context.verify(signature)
    except (xmlsec.Error, etree.LxmlError) as error:
        asked = "the signature" if key is not None else "the chain of certificates"
        raise CrossCheckError(f"libxmlsec1 does not accept {asked} ({error})") from error


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)
