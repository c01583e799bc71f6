"""Genuine documents in every shape that honest tools give them: whoever refuses one of these cries wolf."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from cryptography import x509
from lxml import etree

from feedsrv.codec.feed import write_feed
from feedsrv.model.feed import Entry, EntryState, Feed, digest_of
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import ANY_USAGE, CODE_SIGNING, EKU, SERVER_AUTH, Kind
from tests.hostile.chains import UNKNOWN_EXTENSION, policy_with_root
from tests.hostile.filling import full, many, namespaces
from tests.hostile.flaws import BOTH, FEED, MITIGATION, USUAL, Context, as_served
from tests.hostile.genuine import REVISION, VERSION, Genuine, entry_of, genuine
from tests.pki import ORGANISATION, POLICY_OID

_DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_XSI: Final = (
    b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    b'xsi:schemaLocation="urn:feedsrv:feed:1 http://elsewhere.example/feed.xsd"'
)


@dataclass(frozen=True)
class Good:
    """One row: a document that must be accepted, and what is unusual in it."""

    name: str
    unusual: str
    make: Callable[[Genuine], bytes] = as_served
    kinds: tuple[Kind, ...] = BOTH
    context: Context = USUAL
    same_words: bool = True
    """True where it says the very words of the genuine document."""


@dataclass(frozen=True)
class GoodDocument:
    """A row, for one kind of document."""

    row: Good
    kind: Kind

    @property
    def name(self) -> str:
        """Unique among the good."""
        return f"good/{self.kind}/{self.row.name}"

    @property
    def original(self) -> Genuine:
        """What it is made of."""
        return genuine(self.kind)


def _under(**kinds: str) -> tuple[Callable[[Genuine], bytes], Context]:
    """Keys of other kinds; the receiver pins the root that belongs to them."""
    changes = {name: {"key_kind": kind, "key_name": f"good-{name}"} for name, kind in kinds.items()}

    def make(one: Genuine) -> bytes:
        return one.under(None, **changes)

    return make, Context(policy=lambda one: policy_with_root(one, **changes.get("root", {})))


def _keys(name: str, unusual: str, **kinds: str) -> Good:
    make, context = _under(**kinds)
    return Good(f"keys-{name}", unusual, make, context=context)


def _order(*names: str) -> Callable[[Genuine], bytes]:
    """The certificates in this order."""
    return lambda one: one.resigned(certificates=[one.certificate(name) for name in names])


def _beside_its_expired_self(one: Genuine) -> bytes:
    leaf, ca = one.signer.chain
    old = one.certificate("ca", ca={"begins": timedelta(days=-90), "ends": timedelta(days=-1)})
    return one.resigned(certificates=(leaf, old, ca))


def _rewritten(one: Genuine) -> bytes:
    """By another tool's writer."""
    return etree.tostring(etree.fromstring(one.signed), xml_declaration=True, encoding="UTF-8")


def _shuffled(one: Genuine) -> bytes:
    """The attributes of every element outside the signature in reverse order."""

    def turn(tag: re.Match[bytes]) -> bytes:
        attributes = re.findall(rb' [\w:]+="[^"]*"', tag[2])
        return tag[1] + b"".join(reversed(attributes)) + tag[3]

    return re.sub(rb"(<(?!ds:|/|\?|!)\w+)((?: [\w:]+=\"[^\"]*\")+)(\s*/?>)", turn, one.signed)


def _with_leaf(**leaf: Any) -> Callable[[Genuine], bytes]:  # noqa: ANN401 - fields of a recipe
    return lambda one: one.under(leaf=leaf)


def _policies_critical(one: Genuine) -> bytes:
    policies = x509.CertificatePolicies([x509.PolicyInformation(POLICY_OID, None)])
    return one.under(leaf={"extra": ((policies, True),)})


def _named(one: Genuine) -> bytes:
    names = x509.SubjectAlternativeName([x509.DNSName("feeds.example.com")])
    limits = x509.NameConstraints(permitted_subtrees=[x509.DNSName("example.com")], excluded_subtrees=None)
    return one.under(ca={"extra": ((limits, True),)}, leaf={"extra": ((names, False),)})


def _two_anchors(one: Genuine) -> TrustPolicy:
    following = one.certificate("root", root={"common_name": "next root", "key_name": "next-root"})
    return TrustPolicy((following, one.certificate("root")), organisation=ORGANISATION, policy_oid=POLICY_OID)


def _lists(one: Genuine) -> TrustPolicy:
    """The root's, the issuing CA's, an older one that revoked, and one of others that has ended."""
    of_others = one.pki.crl(next(kind for kind in BOTH if kind is not one.kind), ends=timedelta(hours=-1))
    older = one.pki.crl(
        one.kind,
        revoked=[one.signer.chain[0].serial_number],
        begins=timedelta(days=-9),
        ends=timedelta(days=-2),
    )
    ours = one.pki.crl(one.kind, revoked=[1, 2, 3])
    return one.policy(crls=(of_others, older, ours, one.pki.crl(one.kind, of="root")))


def _long_feed(one: Genuine) -> bytes:
    """As many entries as a publisher may ever have: two megabytes and more."""
    assert isinstance(one.words, Feed)
    entries = tuple(
        Entry(f"M{number:04}", 3, EntryState.ACTIVE, digest_of(b"%d" % number), 7000 + number)
        for number in range(9_999)
    )
    return one.resigned(write_feed(replace(one.words, entries=entries)))


def _broken(one: Genuine) -> bytes:
    """Line ends and blanks in the base64, every 64 characters."""

    def lines(match: re.Match[bytes]) -> bytes:
        return match[1] + b"\n  ".join(re.findall(rb".{1,64}", match[2])) + b"\n"

    return one.changed(rb"(<ds:(?:SignatureValue|X509Certificate)>)([^<]*)", lines, count=0)


GOOD: Final = (
    Good("as-served", "nothing"),
    _keys("rsa-3072", "an RSA key of 3072 bits", leaf="rsa3072"),
    _keys("p256", "a key on P-256 below RSA", leaf="p256"),
    _keys("p384-ca", "P-256 below P-384 below RSA", ca="p384", leaf="p256"),
    _keys("all-p256", "nothing but P-256", root="p256", ca="p256", leaf="p256"),
    _keys("rsa-below-p256", "RSA below P-256", root="p256", ca="p384"),
    Good("chain-reversed", "the issuing CA's certificate comes first", _order("ca", "leaf")),
    Good("root-last", "the root stands beside", _order("leaf", "ca", "root")),
    Good("root-first", "the root stands beside, and first", _order("root", "ca", "leaf")),
    Good(
        "signer-in-the-middle", "the signer's certificate stands in the middle", _order("ca", "leaf", "root")
    ),
    Good("certificate-twice", "a certificate stands there twice", _order("leaf", "ca", "ca")),
    Good("ca-renewed", "the issuing CA stands beside its expired self", _beside_its_expired_self),
    Good("crlf", "each line ends as on Windows", lambda g: g.signed.replace(b"\n", b"\r\n")),
    Good("cr", "each line ends as on old Macs", lambda g: g.signed.replace(b"\n", b"\r")),
    Good(
        "cdata",
        "a digest is written as CDATA",
        lambda g: g.changed(rb"(<ds:DigestValue>)([^<]*)", lambda m: m[1] + b"<![CDATA[" + m[2] + b"]]>"),
    ),
    Good(
        "cdata-in-the-words",
        "a text is written as CDATA",
        lambda g: g.changed(rb"(<Title>)([^<]*)", lambda m: m[1] + b"<![CDATA[" + m[2] + b"]]>"),
        MITIGATION,
    ),
    Good(
        "numbers-for-letters",
        "letters are written by their numbers",
        lambda g: g.altered(b'channel="production"', b'channel="&#112;roductio&#x6E;"'),
    ),
    Good(
        "comment-first",
        "a comment stands before the root",
        lambda g: g.altered(_DECLARATION, _DECLARATION + b"<!-- a mirror's -->\n"),
    ),
    Good("comment-inside", "a comment stands in the root", lambda g: g.first(b"<!-- a mirror's -->")),
    Good(
        "comment-in-a-text",
        "a comment stands in the middle of a text",
        lambda g: g.altered(b"<Title>Proxy", b"<Title>Pro<!-- -->xy"),
        MITIGATION,
    ),
    Good("comment-last", "a comment follows the root", lambda g: g.signed + b"<!-- a mirror's -->\n"),
    Good("blanks-last", "blanks follow the root", lambda g: g.signed + b" \t\r\n" * 10),
    Good("blanks-in-the-signature", "the signature is broken into lines", _broken),
    Good(
        "returns-in-the-signature",
        "the base64 has carriage returns, as some signers write them",
        lambda g: g.changed(rb"(<ds:SignatureValue>.{76})", lambda m: m[1] + b"&#13;\n"),
    ),
    Good("no-declaration", "there is no declaration", lambda g: g.inner),
    Good("declared-in-small-letters", "utf-8 is declared", lambda g: g.altered(b'"UTF-8"', b'"utf-8"')),
    Good(
        "declared-in-single-quotes",
        "the declaration is in single quotes",
        lambda g: g.altered(_DECLARATION, _DECLARATION.replace(b'"', b"'")),
    ),
    Good(
        "version-alone",
        "only the version is declared",
        lambda g: g.altered(_DECLARATION, b'<?xml version="1.0"?>'),
    ),
    Good("rewritten", "another tool has read it and written it", _rewritten),
    Good("shuffled", "the attributes stand in another order", _shuffled),
    Good(
        "single-quotes",
        "a value is in single quotes",
        lambda g: g.altered(b'channel="production"', b"channel='production'"),
    ),
    Good(
        "blanks-in-tags",
        "there are blanks in the tags",
        lambda g: g.altered(b' channel="', b'\n   channel  =  "'),
    ),
    Good(
        "empty-elements-long",
        "empty elements have an end tag",
        lambda g: g.changed(
            rb"<(Rollout|Poll|Range)( [^>]*)/>", lambda m: b"<%b%b></%b>" % (m[1], m[2], m[1]), count=0
        ),
    ),
    Good(
        "unused-namespace",
        "a namespace is declared that nothing uses",
        lambda g: g.in_root(b'xmlns:x="urn:x"'),
    ),
    Good("prefix-default", "the signature has no prefix", lambda g: g.resigned(prefix=None)),
    Good("prefix-other", "the signature has another prefix", lambda g: g.resigned(prefix="dsig")),
    Good(
        "grammar-of-its-own",
        "the root says where its grammar lies; nobody goes there",
        lambda g: g.saying(b"<" + g.root_name + b" ", b"<" + g.root_name + b" " + _XSI + b" "),
    ),
    Good("many-comments", "as many comments as fit", many(lambda _: b"<!--a-->")),
    Good("long-comments", "long comments to the limit of bytes", full(b"<!--" + b"a" * 60_000 + b"-->")),
    Good(
        "many-namespaces",
        "many namespaces are declared that nothing uses",
        lambda g: g.in_root(namespaces(12)),
    ),
    Good(
        "code-signing-beside",
        "the signer may sign code, too",
        lambda g: g.under(leaf={"extended": (EKU[g.kind], CODE_SIGNING)}),
    ),
    Good(
        "ca-for-more",
        "the issuing CA is for more than this kind of document",
        lambda g: g.under(ca={"extended": (EKU[g.kind], SERVER_AUTH, ANY_USAGE)}),
    ),
    Good(
        "ca-usage-wide",
        "the issuing CA may sign content, too",
        lambda g: g.under(ca={"usage": frozenset({"key_cert_sign", "crl_sign", "digital_signature"})}),
    ),
    Good(
        "signer-commits",
        "the signer's key usage is also content commitment",
        _with_leaf(usage=frozenset({"digital_signature", "content_commitment"})),
    ),
    Good(
        "signer-of-another-name",
        "the signer is of another name and organisation",
        _with_leaf(common_name="renewed", organisation="Example Signing"),
    ),
    Good("signer-without-constraints", "the signer does not say that it is no CA", _with_leaf(ca=None)),
    Good(
        "signer-with-more",
        "the signer has an extension that nobody knows, not critical",
        _with_leaf(extra=((UNKNOWN_EXTENSION, False),)),
    ),
    Good("signer-with-policies", "the signer's certificate policies are critical", _policies_critical),
    Good("signer-with-a-host-name", "the signer has a host name within its CA's constraints", _named),
    Good("two-roots-pinned", "the receiver pins two roots", context=Context(policy=_two_anchors)),
    Good("lists-at-hand", "the receiver has the lists of everybody", context=Context(policy=_lists)),
    Good(
        "policy-without-wishes",
        "the receiver asks for neither organisation nor policy",
        context=Context(policy=lambda g: g.pki.policy(g.kind)),
    ),
    Good(
        "last-second",
        "it is the last second of the feed",
        kinds=FEED,
        context=Context(after=timedelta(days=2, seconds=-1)),
    ),
    Good(
        "of-later-today", "the receiver's clock is two hours slow", context=Context(after=-timedelta(hours=2))
    ),
    Good("held-before", "the very version is held already", kinds=MITIGATION, context=Context(held=REVISION)),
    Good("versions-skipped", "version 3 is trusted", kinds=FEED, context=Context(held=VERSION - 4)),
    Good("listed", "the feed names it", kinds=MITIGATION, context=Context(entry=entry_of)),
    Good(
        "preview-takes-production",
        "the receiver is of the preview channel",
        kinds=MITIGATION,
        context=Context(channel="preview"),
    ),
    Good(
        "other-product-named",
        "the receiver is the other product that is named",
        kinds=MITIGATION,
        context=Context(product="exchange-2016"),
    ),
    Good("long", "the feed lists ten thousand mitigations", _long_feed, FEED, same_words=False),
)


def good() -> tuple[GoodDocument, ...]:
    """Every good document."""
    return tuple(GoodDocument(row, kind) for row in GOOD for kind in row.kinds)
