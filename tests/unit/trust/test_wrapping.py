"""A genuine signature, wrapped into something else; and documents made to keep a verifier busy."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pytest

from feedsrv.trust.opening import open_mitigation
from feedsrv.trust.profile import Kind
from feedsrv.trust.refusals import UntrustedError
from tests.pki import key, sample_mitigation
from tests.unchecked import sign_unchecked, splice
from tests.unit.trust.cases import Bench

_EVIL: Final = b'version="9"'
_DECLARATION: Final = re.compile(rb"^<\?xml[^>]*\?>\s*")


def _inner(bench: Bench) -> bytes:
    """The genuine document without its declaration, to put into another."""
    return _DECLARATION.sub(b"", bench.signed)


def _evil(bench: Bench) -> bytes:
    """A feed that the publisher never signed."""
    return bench.unsigned.replace(b'version="7"', _EVIL)


def _genuine_inside_evil(bench: Bench) -> bytes:
    return splice(_evil(bench), _inner(bench))


def _genuine_inside_evil_signature_moved_out(bench: Bench) -> bytes:
    inside = _inner(bench).replace(bench.signature(), b"")
    return splice(_evil(bench), inside + bench.signature())


def _genuine_in_an_object(bench: Bench) -> bytes:
    inside = b"<ds:Object>" + _inner(bench).replace(bench.signature(), b"") + b"</ds:Object>"
    return splice(_evil(bench), bench.signature().replace(b"</ds:Signature>", inside + b"</ds:Signature>"))


def _reference_to_a_part(bench: Bench) -> bytes:
    inside = _inner(bench).replace(bench.signature(), b"").replace(b"<Feed ", b'<Feed Id="genuine" ', 1)
    return splice(_evil(bench), inside + bench.signature().replace(b'URI=""', b'URI="#genuine"'))


def _reference_by_xpointer(bench: Bench) -> bytes:
    return bench.altered(b'URI=""', b'URI="#xpointer(/)"')


def _two_ids(bench: Bench) -> bytes:
    one = _reference_to_a_part(bench)
    return one.replace(b"<Poll ", b'<Poll Id="genuine" ', 1)


def _signed_by_a_stranger_around_the_genuine(bench: Bench) -> bytes:
    return sign_unchecked(_genuine_inside_evil(bench), key("stranger"), bench.chain()[:2])


def _signed_by_a_stranger_under_the_genuine_chain(bench: Bench) -> bytes:
    return sign_unchecked(_evil(bench), key("stranger"), bench.chain()[:2])


def _entry_after_the_signature(bench: Bench) -> bytes:
    entry = re.search(rb"<Entry .*?</Entry>", bench.signed, re.DOTALL)
    assert entry
    return splice(bench.signed, entry[0])


def _entry_in_the_signature(bench: Bench) -> bytes:
    entry = re.search(rb"<Entry .*?</Entry>", bench.signed, re.DOTALL)
    assert entry
    return bench.altered(b"</ds:KeyInfo>", b"</ds:KeyInfo>" + entry[0])


def _two_signed_infos(bench: Bench) -> bytes:
    found = re.search(rb"<ds:SignedInfo>.*</ds:SignedInfo>", bench.signed, re.DOTALL)
    assert found
    return bench.altered(b"<ds:SignatureValue>", found[0] + b"<ds:SignatureValue>")


def _filtered_by_xpath(bench: Bench) -> bytes:
    hides = (
        b'<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116">'
        b"<ds:XPath>false()</ds:XPath></ds:Transform>"
    )
    return bench.altered(b"<ds:Transforms>", b"<ds:Transforms>" + hides)


def _second_genuine_signature_hidden(bench: Bench) -> bytes:
    hidden = bench.signature().replace(b"ds:", b"x:").replace(b"xmlns:ds", b"xmlns:x")
    return bench.altered(b"<Poll ", hidden + b"<Poll ")


def _genuine_signature_of_another_feed(bench: Bench) -> bytes:
    return splice(_evil(bench), bench.signature())


_WRAPPINGS: Final[dict[Callable[[Bench], bytes], str]] = {
    _genuine_inside_evil: "trust.signature_misplaced",
    _genuine_inside_evil_signature_moved_out: "trust.signature_invalid",
    _genuine_in_an_object: "trust.signature_form",
    _reference_to_a_part: "trust.signature_reference",
    _reference_by_xpointer: "trust.signature_reference",
    _two_ids: "trust.signature_reference",
    _signed_by_a_stranger_around_the_genuine: "trust.signature_count",
    _signed_by_a_stranger_under_the_genuine_chain: "trust.signature_invalid",
    _entry_after_the_signature: "trust.signature_misplaced",
    _entry_in_the_signature: "trust.signature_form",
    _two_signed_infos: "trust.signature_reference",
    _filtered_by_xpath: "trust.signature_reference",
    _second_genuine_signature_hidden: "trust.signature_count",
    _genuine_signature_of_another_feed: "trust.signature_invalid",
}


@pytest.mark.parametrize(("wrap", "code"), _WRAPPINGS.items(), ids=lambda one: getattr(one, "__name__", one))
def test_a_genuine_signature_vouches_for_nothing_else(
    bench: Bench, wrap: Callable[[Bench], bytes], code: str
) -> None:
    """Whatever is put around, beside or into what was signed."""
    document = wrap(bench)

    with pytest.raises(UntrustedError) as refused:
        bench.open(document)

    assert refused.value.code == code


def test_a_comment_cannot_cut_a_text_short(bench: Bench) -> None:
    """The signature does not cover comments, so a text must read the same with and without one."""
    title = bench.mitigation.title.encode()
    data = bench.signed_mitigation.replace(title, title[:5] + b"<!-- -->" + title[5:])

    opened = open_mitigation(data, bench.pki.policy(), at=bench.at)

    assert data != bench.signed_mitigation
    assert opened.mitigation.title == bench.mitigation.title


def _many_namespaces(bench: Bench) -> bytes:
    declared = b" ".join(b'xmlns:n%d="urn:%d"' % (n, n) for n in range(2000))
    inclusive = b"http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
    slow = bench.signed.replace(b"http://www.w3.org/2001/10/xml-exc-c14n#", inclusive)
    reference = re.search(rb"<ds:Reference .*</ds:Reference>", slow, re.DOTALL)
    assert reference
    return slow.replace(reference[0], reference[0] * 200).replace(b"<Feed ", b"<Feed " + declared + b" ", 1)


def _many_attributes(bench: Bench) -> bytes:
    return bench.altered(b"<Feed ", b"<Feed " + b" ".join(b'a%d="1"' % n for n in range(50_000)) + b" ")


def _endless_certificate(bench: Bench) -> bytes:
    return bench.altered(b"<ds:X509Certificate>", b"<ds:X509Certificate>" + b"A" * 2_900_000)


def _many_references(bench: Bench) -> bytes:
    found = re.search(rb"<ds:Reference .*</ds:Reference>", bench.signed, re.DOTALL)
    assert found
    info = bench.signed.replace(found[0], found[0] * 500)
    assert info.count(b"<ds:Reference ") == 500
    return info


def _deep_nesting(bench: Bench) -> bytes:
    return splice(bench.signed, b"<a>" * 10_000 + b"</a>" * 10_000)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (_many_namespaces, "trust.document_limits"),
        (_many_attributes, "trust.document_limits"),
        (_endless_certificate, "trust.document_limits"),
        (_many_references, "trust.signature_reference"),
        (_deep_nesting, "trust.document_limits"),
    ],
)
def test_what_keeps_a_verifier_busy_is_refused_before_any_cryptography(
    bench: Bench, make: Callable[[Bench], bytes], code: str
) -> None:
    """Each of these costs other verifiers seconds; here the step that refuses is one of looking."""
    with pytest.raises(UntrustedError) as refused:
        bench.open(make(bench))

    assert refused.value.code == code
    assert refused.value.step <= 3


def test_a_mitigation_is_not_opened_as_the_feed_of_the_same_publisher(bench: Bench) -> None:
    """The kind is asked of the document and of its signer, by two different checks."""
    mitigation = sample_mitigation(bench.at)
    signer = bench.pki.signer(Kind.MITIGATION)
    as_feed = sign_unchecked(bench.unsigned, signer.private_key, signer.chain)

    with pytest.raises(UntrustedError) as by_root:
        bench.open(bench.pki.sign_mitigation(mitigation))
    with pytest.raises(UntrustedError) as by_key:
        bench.open(as_feed)

    assert (by_root.value.code, by_key.value.code) == ("trust.wrong_kind", "trust.eku_missing")
