"""Whatever is done to the bytes of a genuine document: a refusal of ours, or exactly what was signed."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from feedsrv.codec.feed import read_feed
from feedsrv.codec.mitigation import read_mitigation
from feedsrv.errors import BadInputError
from feedsrv.model.feed import Feed
from feedsrv.model.mitigation import Mitigation
from feedsrv.trust.profile import Kind
from tests.fuzz.editing import edited
from tests.fuzz.genuine import Kept, kept
from tests.words import QUICK

MANY = settings(QUICK, max_examples=200)


def kinds() -> st.SearchStrategy[Kept]:
    """Either of the kept documents."""
    return st.sampled_from(sorted(Kind)).map(kept)


@st.composite
def spliced(draw: st.DrawFn) -> tuple[Kept, bytes]:
    """A document with some of its bytes flipped, removed, doubled, moved, or replaced by any others."""
    one = draw(kinds())
    data = bytearray(one.document)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + draw(st.sampled_from((1, 8, 64, 1024))))))
        part = bytes(data[start:end])
        match draw(st.sampled_from(("flip", "remove", "double", "move", "replace"))):
            case "flip":
                data[start:end] = bytes(byte ^ 1 << draw(st.integers(0, 7)) for byte in part)
            case "remove":
                del data[start:end]
            case "double":
                data[start:start] = part
            case "move":
                del data[start:end]
                at = draw(st.integers(0, len(data)))
                data[at:at] = part
            case _:
                data[start:end] = draw(st.binary(max_size=40))
    return one, bytes(data)


@st.composite
def rewritten(draw: st.DrawFn) -> tuple[Kept, bytes]:
    """A document after edits that leave it well-formed more often than not."""
    one = draw(kinds())
    return one, edited(one.document, Random(draw(st.integers(0, 2**32))))  # noqa: S311 - chance, not secrecy


@st.composite
def shuffled(draw: st.DrawFn) -> tuple[Kept, bytes]:
    """A document whose attributes, and whose elements of one parent, stand in any order."""
    one = draw(kinds())
    chance = Random(draw(st.integers(0, 2**32)))  # noqa: S311 - chance, not secrecy
    root = etree.fromstring(one.document)
    for element in root.iter("*"):
        attributes = element.items()
        for name, _ in attributes:
            del element.attrib[name]
        for name, value in chance.sample(attributes, len(attributes)):
            element.set(name, value)
    if draw(st.booleans()):
        parent = chance.choice(list(root.iter("*")))
        parent[:] = chance.sample(list(parent), len(parent))
    return one, etree.tostring(root, xml_declaration=True, encoding="UTF-8")


@MANY
@given(spliced() | rewritten() | shuffled())
def test_no_change_gets_anything_accepted_that_was_not_signed(case: tuple[Kept, bytes]) -> None:
    """`Kept.check` holds the words and the canonical form against those that were signed."""
    one, data = case

    refusal = one.check(data)

    assert refusal is None or refusal.code.startswith(("trust.", "feed.", "mitigation."))


@MANY
@given(spliced() | rewritten() | shuffled())
@example((kept(Kind.FEED), b'<?xml version="1.0"?><x:a>&#13;<b xmlns:c="d"/></x:a>'))
def test_no_change_gets_anything_out_of_a_reader_but_words_or_bad_input(case: tuple[Kept, bytes]) -> None:
    """Never an error of a library's own."""
    for read in (read_feed, read_mitigation):
        try:
            words: Feed | Mitigation = read(case[1])
        except BadInputError:
            continue
        assert words == read(case[1])


@MANY
@given(rewritten() | shuffled())
def test_what_is_accepted_is_what_plain_signxml_finds_signed(case: tuple[Kept, bytes]) -> None:
    """The strictest use of it that checks the signature alone: it must agree with each yes of ours."""
    one, data = case

    if one.check(data) is not None:
        return

    assert plain(one, data) == one.canonical


def plain(one: Kept, data: bytes) -> bytes:
    """What signxml itself finds signed, by the signer of the genuine document."""
    strict = SignatureConfiguration(
        location="./",
        expect_references=1,
        signature_methods=frozenset({SignatureMethod.ECDSA_SHA256, SignatureMethod.RSA_SHA256}),
        digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
        verification_time=one.signer.not_valid_before_utc,
    )
    result = XMLVerifier().verify(data, x509_cert=one.signer, expect_config=strict)
    assert isinstance(result, VerifyResult)
    return result.signed_data


def test_plain_signxml_would_tell() -> None:
    """The second opinion is one: it refuses what was changed."""
    one = kept(Kind.FEED)

    with pytest.raises(SignXMLException):
        plain(one, one.document.replace(b'version="7"', b'version="8"'))
    assert plain(one, one.document) == one.canonical
