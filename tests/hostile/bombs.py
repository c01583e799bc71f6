"""Up to five megabytes made to keep a reader busy: by size, depth, number, length, blanks or mazes."""

from __future__ import annotations

from typing import Final

from cryptography import x509

from tests.hostile.chains import ca_with_modulus
from tests.hostile.filling import (
    MOST_BYTES,
    Make,
    attributes,
    elements_of,
    five,
    full,
    limit_of,
    many,
    namespaces,
)
from tests.hostile.flaws import FEED, MITIGATION, Flaw
from tests.hostile.genuine import Genuine, der
from tests.recipes import CA_USAGE

_LIMITS: Final = "trust.document_limits"
_LARGE: Final = "xml.too_large"
_MANY: Final = "xml.too_many_elements"
_ATTRIBUTES: Final = "xml.too_many_attributes"
_DEEP: Final = "xml.too_deep"
_LONG: Final = "xml.text_too_long"


def _maze(one: Genuine) -> bytes:
    """Five CAs of one name and key that issue each other, and a signer below them."""
    maze = {"common_name": "maze", "key_name": "maze", "issuer": "ca", "ca": True, "usage": CA_USAGE}
    walls = [one.certificate("ca", ca={**maze, "path_length": number}) for number in range(5)]
    leaf = one.certificate("leaf", ca=maze)
    return one.resigned(certificates=(leaf, *walls))


def _names_of_hosts(one: Genuine) -> bytes:
    """A signer with as many host names as a certificate can hold, under as many constraints."""
    hosts = x509.SubjectAlternativeName([x509.DNSName(f"{n}.a.test") for n in range(700)])
    limits = x509.NameConstraints(
        permitted_subtrees=[x509.DNSName(f"{n}.b.test") for n in range(550)], excluded_subtrees=None
    )
    return one.under(ca={"extra": ((limits, False),)}, leaf={"extra": ((hosts, False),)})


def _large_keys(one: Genuine) -> bytes:
    """Five issuing CAs with the longest keys that are allowed; none signed the signer's certificate."""
    cas = [ca_with_modulus(one, 8192, exponent=2**32 - 1, number=number) for number in range(1, 6)]
    return one.resigned(certificates=(one.signer.chain[0], *cas))


def _full_certificates(one: Genuine) -> bytes:
    leaf, ca = map(der, one.signer.chain)
    return one.with_certificates(leaf, ca, *[b"\x30" * 12_000] * 4)


def _one_certificate(length: int) -> Make:
    return lambda one: one.altered(b"<ds:X509Certificate>", b"<ds:X509Certificate>" + b"A" * length)


BOMBS: Final = (
    Flaw(
        "size-one-over",
        "one byte more than are read",
        _LIMITS,
        lambda g: g.signed + b" " * (limit_of(g) + 1 - len(g.signed)),
        reader=_LARGE,
    ),
    Flaw("size-of-blanks", "five megabytes of blanks", _LIMITS, lambda _: b" " * MOST_BYTES, reader=_LARGE),
    Flaw(
        "size-of-blanks-after",
        "five megabytes, of which most are blanks after the document",
        _LIMITS,
        lambda g: g.signed.ljust(MOST_BYTES),
        reader=_LARGE,
    ),
    Flaw("size-of-elements", "five megabytes of elements", _LIMITS, five(b"<a/>"), reader=_LARGE),
    Flaw("size-of-text", "five megabytes of text", _LIMITS, five(b"a"), reader=_LARGE),
    Flaw(
        "size-of-attributes",
        "five megabytes of attributes",
        _LIMITS,
        five(b' a=""', b"/>", b"<a"),
        reader=_LARGE,
    ),
    Flaw("size-of-zeros", "five megabytes of zeros", _LIMITS, lambda _: bytes(MOST_BYTES), reader=_LARGE),
    Flaw(
        "size-of-tags-without-end",
        "five megabytes of less-than signs",
        _LIMITS,
        lambda _: b"<" * MOST_BYTES,
        reader=_LARGE,
    ),
    Flaw(
        "tags-without-end",
        "less-than signs to the limit",
        _LIMITS,
        lambda g: b"<" * limit_of(g),
        reader=_MANY,
    ),
    Flaw(
        "equals-without-end",
        "equals signs to the limit",
        _LIMITS,
        lambda g: b"=" * limit_of(g),
        reader=_ATTRIBUTES,
    ),
    Flaw("elements", "elements to the limit of bytes", _LIMITS, full(b"<a/>"), reader=_MANY),
    Flaw(
        "elements-some-over",
        "some more elements than are read",
        _LIMITS,
        lambda g: g.first(b"<a/>" * (elements_of(g) + 200)),
        reader=_MANY,
    ),
    Flaw("comments", "comments to the limit of bytes", _LIMITS, full(b"<!---->"), reader=_MANY),
    Flaw(
        "depth-17",
        "elements seventeen deep",
        _LIMITS,
        lambda g: g.first(b"<a>" * 16 + b"</a>" * 16),
        reader=_DEEP,
    ),
    Flaw(
        "depth-300",
        "elements three hundred deep",
        _LIMITS,
        lambda g: g.first(b"<a>" * 300 + b"</a>" * 300),
        reader=_DEEP,
    ),
    Flaw(
        "depth-1000",
        "elements a thousand deep",
        _LIMITS,
        lambda g: g.first(b"<a>" * 1000 + b"</a>" * 1000),
        reader=_DEEP,
    ),
    Flaw(
        "depth-without-end",
        "as many elements deep as fit, none of them closed",
        _LIMITS,
        lambda g: g.signed[: g.signed.index(b">", 60) + 1] + b"<a>" * (elements_of(g)),
        reader=_DEEP,
    ),
    Flaw(
        "attributes-65",
        "one attribute more than are read",
        _LIMITS,
        lambda g: g.first(b"<a " + attributes(65) + b"/>"),
        reader=_ATTRIBUTES,
    ),
    Flaw(
        "attributes-10000",
        "ten thousand attributes on the root",
        _LIMITS,
        lambda g: g.in_root(attributes(10_000)),
        reader=_ATTRIBUTES,
    ),
    Flaw(
        "attributes-everywhere",
        "attributes to the limit of bytes",
        _LIMITS,
        full(b"<a " + attributes(60) + b"/>"),
        reader=_ATTRIBUTES,
    ),
    Flaw(
        "attributes-by-single-quotes",
        "ten thousand attributes in single quotes",
        _LIMITS,
        lambda g: g.in_root(attributes(10_000).replace(b'"', b"'")),
        reader=_ATTRIBUTES,
    ),
    Flaw(
        "namespaces-65",
        "more namespaces than are allowed",
        _LIMITS,
        lambda g: g.first(b"<a " + namespaces(63) + b"/>"),
    ),
    Flaw(
        "namespaces-2000",
        "two thousand namespaces on the root",
        _LIMITS,
        lambda g: g.in_root(namespaces(2000)),
    ),
    Flaw(
        "namespaces-everywhere",
        "a namespace on each of thousands of elements",
        _LIMITS,
        many(lambda n: b'<a xmlns="urn:%d"/>' % n),
    ),
    Flaw(
        "name-endless",
        "an element with an endless name",
        _LIMITS,
        lambda g: g.first(b"<" + b"a" * 300_000 + b"/>"),
        reader=_LONG,
    ),
    Flaw(
        "attribute-name-endless",
        "an attribute with an endless name",
        _LIMITS,
        lambda g: g.in_root(b"a" * 300_000 + b'=""'),
        reader=_LONG,
    ),
    Flaw(
        "value-endless",
        "an attribute with an endless value",
        _LIMITS,
        lambda g: g.in_root(b'a="' + b"a" * 300_000 + b'"'),
        reader=_LONG,
    ),
    Flaw("text-endless", "an endless text", _LIMITS, lambda g: g.first(b"a" * 300_000), reader=_LONG),
    Flaw(
        "blanks-endless",
        "endless blanks between two elements",
        _LIMITS,
        lambda g: g.first(b" " * 300_000),
        reader=_LONG,
    ),
    Flaw(
        "blanks-in-a-tag",
        "endless blanks in a tag",
        _LIMITS,
        lambda g: g.in_root(b" " * 300_000),
        reader=_LONG,
    ),
    Flaw(
        "comment-endless",
        "an endless comment",
        _LIMITS,
        lambda g: g.first(b"<!--" + b"a" * 300_000 + b"-->"),
        reader=_LONG,
    ),
    Flaw(
        "cdata-endless",
        "an endless CDATA section",
        _LIMITS,
        lambda g: g.first(b"<![CDATA[" + b"a" * 300_000 + b"]]>"),
        reader=_LONG,
    ),
    Flaw(
        "signature-endless",
        "an endless signature",
        _LIMITS,
        lambda g: g.altered(b"<ds:SignatureValue>", b"<ds:SignatureValue>" + b"A" * 60_000),
    ),
    Flaw(
        "signature-of-blanks",
        "a signature among endless blanks",
        _LIMITS,
        lambda g: g.altered(b"<ds:SignatureValue>", b"<ds:SignatureValue>" + b" " * 60_000),
    ),
    Flaw(
        "digest-endless",
        "an endless digest",
        _LIMITS,
        lambda g: g.altered(b"<ds:DigestValue>", b"<ds:DigestValue>" + b"A" * 60_000),
    ),
    Flaw("certificate-too-long", "a certificate some characters too long", _LIMITS, _one_certificate(16_384)),
    Flaw("certificate-of-60-kb", "a certificate of sixty kilobytes", _LIMITS, _one_certificate(60_000)),
    Flaw(
        "certificate-endless",
        "a certificate to the limit of bytes",
        _LIMITS,
        lambda g: _one_certificate(limit_of(g) - len(g.signed))(g),
        reader=_LONG,
    ),
    Flaw(
        "certificate-of-blanks",
        "a certificate among endless blanks",
        _LIMITS,
        lambda g: g.altered(b"<ds:X509Certificate>", b"<ds:X509Certificate>" + b"\n" * 60_000),
    ),
    Flaw(
        "certificates-full",
        "six certificates as long as they may be, four of them unreadable",
        "trust.certificate_malformed",
        _full_certificates,
    ),
    Flaw("certificates-in-a-maze", "CAs that issue each other", "trust.anchor_unknown", _maze),
    Flaw(
        "certificate-with-hundreds-of-names",
        "hundreds of host names under hundreds of constraints",
        "trust.chain_rejected",
        _names_of_hosts,
    ),
    Flaw(
        "certificates-with-large-keys",
        "five issuing CAs with the longest keys that are allowed, all of them false",
        "trust.chain_signature",
        _large_keys,
    ),
    Flaw(
        "references-2000",
        "thousands of references",
        "trust.signature_reference",
        lambda g: _references(g, 2_000),
        kinds=FEED,
    ),
    Flaw(
        "references-400",
        "hundreds of references",
        "trust.signature_reference",
        lambda g: _references(g, 400),
        kinds=MITIGATION,
    ),
    Flaw(
        "transforms-1000",
        "a thousand transforms",
        "trust.signature_reference",
        lambda g: g.altered(
            b"</ds:Transforms>", b'<ds:Transform Algorithm="urn:x"/>' * 1000 + b"</ds:Transforms>"
        ),
    ),
)


def _references(one: Genuine, number: int) -> bytes:
    return one.changed(rb"<ds:Reference .*</ds:Reference>", lambda match: match[0] * number)
