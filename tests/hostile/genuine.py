"""A real feed and a real mitigation under throw-away keys, and the means to spoil them.

Everything is made for one fixed moment, so that only the keys differ from run to run.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.codec.authoring import read_draft
from feedsrv.codec.feed import write_feed
from feedsrv.codec.mitigation import write_mitigation
from feedsrv.model.feed import Announcement, Entry, EntryState, Feed, digest_of
from feedsrv.model.mitigation import Mitigation
from feedsrv.signing.signer import PrivateKey
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind
from tests.pki import ORGANISATION, POLICY_OID, Pki, TestSigner, key
from tests.unchecked import sign_unchecked, splice

AT: Final = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)
"""When everything is judged that does not ask for another moment."""
PRODUCT: Final = "exchange-2019"
CHANNEL: Final = "production"
VERSION: Final = 7
REVISION: Final = 1
_MITIGATIONS: Final = Path(__file__).parents[2] / "mitigations"
_ISSUED: Final = AT - timedelta(hours=1)
_SIGNATURE: Final = re.compile(rb"<ds:Signature .*</ds:Signature>", re.DOTALL)
_DECLARATION: Final = re.compile(rb"\A<\?xml[^>]*\?>\s*")


@dataclass(frozen=True)
class Genuine:
    """A document of one kind as its publisher signed it. Nothing changes it: each method gives bytes anew."""

    kind: Kind
    pki: Pki
    words: Feed | Mitigation
    unsigned: bytes

    @cached_property
    def signer(self) -> TestSigner:
        """The publisher's."""
        return self.pki.signer(self.kind)

    @cached_property
    def signed(self) -> bytes:
        """What the publisher serves."""
        return self.resigned()

    @property
    def root_name(self) -> bytes:
        """Of the root element."""
        return self.kind.capitalize().encode()

    @cached_property
    def signature(self) -> bytes:
        """The bytes of the signature."""
        return found(_SIGNATURE, self.signed)

    @cached_property
    def inner(self) -> bytes:
        """The signed document without its XML declaration, to put into another."""
        return _DECLARATION.sub(b"", self.signed).strip()

    @cached_property
    def evil(self) -> bytes:
        """What an attacker would like to have said, unsigned."""
        old, new = {
            Kind.FEED: (b' version="7"', b' version="9"'),
            Kind.MITIGATION: (b' status="active"', b' status="withdrawn"'),
        }[self.kind]
        return replaced(self.unsigned, old, new)

    @cached_property
    def part(self) -> bytes:
        """One element of the signed content, whole."""
        return found(re.compile(rb"<(Entry|Actions)\b.*?</\1>", re.DOTALL), self.signed)

    def altered(self, old: bytes, new: bytes) -> bytes:
        """The signed document with one thing changed."""
        return replaced(self.signed, old, new)

    def changed(
        self, pattern: bytes, new: bytes | Callable[[re.Match[bytes]], bytes], *, count: int = 1
    ) -> bytes:
        """The signed document with what fits the pattern changed; `count=0` for each place."""
        changed, times = re.subn(pattern, new, self.signed, count=count, flags=re.DOTALL)
        assert times, pattern
        return changed

    def added(self, inserted: bytes) -> bytes:
        """The signed document with something before the end tag of its root."""
        return splice(self.signed, inserted)

    def first(self, inserted: bytes) -> bytes:
        """The signed document with something as the first child of its root."""
        return self.changed(rb"(<" + self.root_name + rb"\b[^>]*>)", lambda one: one[1] + inserted)

    def in_root(self, attributes: bytes) -> bytes:
        """The signed document with further attributes on its root."""
        return self.altered(b"<" + self.root_name + b" ", b"<" + self.root_name + b" " + attributes + b" ")

    def in_signature(self, inserted: bytes) -> bytes:
        """The signed document with something at the end of its signature."""
        return self.altered(b"</ds:Signature>", inserted + b"</ds:Signature>")

    def resigned(
        self,
        unsigned: bytes | None = None,
        *,
        private_key: PrivateKey | None = None,
        certificates: Iterable[x509.Certificate] | None = None,
        **shape: Any,  # noqa: ANN401 - passed on to sign_unchecked
    ) -> bytes:
        """Signed anew by the publisher's key, in whatever shape and with whatever certificates."""
        return sign_unchecked(
            self.unsigned if unsigned is None else unsigned,
            private_key or self.signer.private_key,
            self.signer.chain if certificates is None else certificates,
            **shape,
        )

    def saying(self, old: bytes, new: bytes) -> bytes:
        """Signed by the publisher's own key, with one thing said otherwise."""
        return self.resigned(replaced(self.unsigned, old, new))

    def under(self, bad: str | None = None, **changes: Mapping[str, Any]) -> bytes:
        """Signed under a chain that is wrong; see `tests.pki`."""
        signer = self.pki.signer(self.kind, bad, **changes)
        return self.resigned(private_key=signer.private_key, certificates=signer.chain)

    def certificate(
        self, name: str, bad: str | None = None, **changes: Mapping[str, Any]
    ) -> x509.Certificate:
        """The root, CA or leaf of a chain."""
        return self.pki.certificates(self.kind, bad, **changes)[name]

    def with_certificates(self, *ders: bytes) -> bytes:
        """The signed document with these bytes as its certificates."""
        return self.changed(
            rb"(<ds:X509Data>).*(</ds:X509Data>)",
            lambda one: one[1] + b"".join(x509_element(der) for der in ders) + one[2],
        )

    @cached_property
    def usual_policy(self) -> TrustPolicy:
        """A receiver who pins the root, and asks for the publisher's organisation and policy."""
        return self.policy()

    def policy(self, bad: str | None = None, **settings: Any) -> TrustPolicy:  # noqa: ANN401 - passed on to TrustPolicy
        """The usual policy with a bad case of `tests.pki`, or with other settings."""
        asked = {"organisation": ORGANISATION, "policy_oid": POLICY_OID} | settings
        return self.pki.policy(self.kind, bad, **asked)


def x509_element(der: bytes) -> bytes:
    """A certificate as `X509Data` holds it."""
    return b"<ds:X509Certificate>" + base64_of(der) + b"</ds:X509Certificate>"


def base64_of(data: bytes) -> bytes:
    """Base64 on one line."""
    return b64encode(data)


def replaced(document: bytes, old: bytes, new: bytes) -> bytes:
    """The document with the first `old` changed, which must be there."""
    assert old in document, old
    return document.replace(old, new, 1)


def found(pattern: re.Pattern[bytes], document: bytes) -> bytes:
    """What fits the pattern, which must be there."""
    match = pattern.search(document)
    assert match is not None, pattern
    return match[0]


def der(certificate: x509.Certificate) -> bytes:
    """A certificate's bytes."""
    return certificate.public_bytes(Encoding.DER)


def stranger() -> PrivateKey:
    """A key of somebody whom nobody trusts."""
    return key("stranger")


@cache
def _pki() -> Pki:
    return Pki(at=AT)


@cache
def genuine(kind: Kind) -> Genuine:
    """The one feed, or the one mitigation, that everything hostile is made of."""
    pki = _pki()
    if kind is Kind.MITIGATION:
        return _mitigation(pki, "M0001")
    listed = [_mitigation(pki, name) for name in ("M0001", "M0002", "PING1")]
    feed = Feed(
        product=PRODUCT,
        channel=CHANNEL,
        version=VERSION,
        issued=_ISSUED,
        expires=AT + timedelta(days=2),
        previous=digest_of(b"version 6"),
        entries=tuple(entry_of(one) for one in listed),
        announced=(Announcement("root", der(pki.anchor()), AT + timedelta(days=30)),),
    )
    return Genuine(Kind.FEED, pki, feed, write_feed(feed))


def _mitigation(pki: Pki, name: str) -> Genuine:
    path = _MITIGATIONS / f"{name}.xml"
    draft = read_draft(path.read_bytes(), revision=REVISION, issued=_ISSUED, source=name)
    return Genuine(Kind.MITIGATION, pki, draft.mitigation, write_mitigation(draft.mitigation))


def entry_of(one: Genuine) -> Entry:
    """The line that a feed has for a signed mitigation."""
    assert isinstance(one.words, Mitigation)
    return Entry(one.words.id, REVISION, EntryState.ACTIVE, digest_of(one.signed), len(one.signed))
