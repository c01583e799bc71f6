"""By whom was this document signed, and may they?

The order is that of `docs/protocol.md`: 1 limits; 2 a safe parse; 3 one signature of the published
shape (`form`); 4 the signature, by the signer's key (`signature`); 5 from there on only what was
signed; 6 to 9 whether the signer is believed (`believing`): the chain to a pinned anchor at the stated
time (`chain`), extended key usage and the issuer (`usage`), revocation (`revocation`). Step 10,
freshness and words, is `opening`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from lxml import etree

from feedsrv.trust.believing import first_believed
from feedsrv.trust.certificates import find_signer
from feedsrv.trust.chain import find_paths
from feedsrv.trust.form import read_form
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind
from feedsrv.trust.signature import signed_content
from feedsrv.trust.waivers import Waiver


@dataclass(frozen=True)
class Proof:
    """Who signed, and why that is believed."""

    kind: Kind
    leaf: x509.Certificate
    """The signer's certificate."""
    chain: tuple[x509.Certificate, ...]
    """The signer's certificate and its issuers in order, without the anchor."""
    anchor: x509.Certificate
    at: datetime
    """The time for which this was judged."""
    waived: tuple[Waiver, ...] = field(default=(), kw_only=True)
    """The exceptions without which it would have been refused."""

    @property
    def issuer(self) -> x509.Certificate:
        """The issuing CA; the anchor itself where that was pinned directly."""
        return (*self.chain, self.anchor)[1]

    @property
    def ends(self) -> datetime:
        """When the first certificate of the chain, the anchor included, ends."""
        return min(one.not_valid_after_utc for one in (*self.chain, self.anchor))


@dataclass(frozen=True)
class VerifiedDocument(Proof):
    """What exactly was signed, with the proof of it."""

    element: etree._Element
    """Parsed from the signed bytes; nothing outside the signature's reach is in it."""

    @property
    def proof(self) -> Proof:
        """The proof alone, for keeping."""
        return Proof(self.kind, self.leaf, self.chain, self.anchor, self.at, waived=self.waived)


def verify_document(
    data: bytes, policy: TrustPolicy, *, kind: Kind, at: datetime, source: str = "document"
) -> VerifiedDocument:
    """Prove who signed a document, or refuse it. Steps 1 to 9; the words are not looked at.

    Raises:
        UntrustedError: one class and one code for each reason; see `refusals`.
    """
    if at.tzinfo is None:
        raise ValueError("a document is judged at a moment with a time zone")
    form = read_form(data, kind=kind, source=source)
    signer = find_signer(form.certificates, source=source)
    element = signed_content(form, signer, source=source)
    paths = find_paths(signer, form.certificates, policy, kind, source=source)
    path, waived = first_believed(paths, policy, at=at, source=source)
    *chain, anchor = [one.certificate for one in path.parties]
    return VerifiedDocument(kind, signer, tuple(chain), anchor, at, element, waived=waived)
