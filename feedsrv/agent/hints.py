"""The way out that a refusal may have: an exception that an administrator can make, where one would help."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cryptography import x509

from feedsrv.errors import FeedsrvError
from feedsrv.trust.certificates import find_signer, is_issued_by, read_party
from feedsrv.trust.form import read_form
from feedsrv.trust.profile import Kind, fingerprint
from feedsrv.trust.refusals import CrlStaleError, UntrustedError
from feedsrv.trust.waivers import WAIVABLE


def way_out(refusal: FeedsrvError, kind: Kind, document: bytes, anchors: Iterable[x509.Certificate]) -> str:
    """A sentence to add to a refusal of this document; empty where no exception would let it pass."""
    if not isinstance(refusal, UntrustedError) or refusal.code not in WAIVABLE:
        return ""
    try:
        issuers = tuple(_issuers(document, kind, anchors))
    except UntrustedError:
        return ""
    if refusal.code == CrlStaleError.code:
        # Of whichever CA of the chain; the refusal names it with its fingerprint.
        issuers = tuple(one for one in issuers if fingerprint(one) in refusal.found)
    if not issuers:
        return ""
    return (
        " If the publisher confirms it by another way and cannot mend it at once, let this one thing pass "
        f"for a while: `feedsrv-agent exception add --check {refusal.code} --issuer "
        f"{fingerprint(issuers[0])} --for {kind} --until DATE --reason TEXT`."
    )


def _issuers(document: bytes, kind: Kind, anchors: Iterable[x509.Certificate]) -> Iterator[x509.Certificate]:
    """The issuing CA, and those above it."""
    form = read_form(document, kind=kind, source="document")
    last = find_signer(form.certificates, source="document")
    known = [read_party(one, source="document") for one in dict.fromkeys((*form.certificates, *anchors))]
    for _ in known:
        found = [one for one in known if one.certificate != last and is_issued_by(last, one)]
        if not found:
            return
        last = found[0].certificate
        yield last
