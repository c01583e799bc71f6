"""Strangers' words that a refusal quotes, and that would steer the terminal or fill the log that shows it."""

from __future__ import annotations

from functools import partial
from typing import Final

from tests.hostile.flaws import Flaw
from tests.hostile.genuine import Genuine, replaced, stranger

_WORDS: Final = {
    "csi": "\u009b31m",
    "backwards": "\u202egnp.exe",
    "line-separator": "\u2028error [none]: trusted",
    "next-line": "\u0085trusted",
    "long": "a" * 50_000,
}


def _uri(one: Genuine, *, word: bytes) -> bytes:
    return one.altered(b'URI=""', b'URI="' + word + b'"')


def _transform(one: Genuine, *, word: bytes) -> bytes:
    return one.altered(b"<ds:Transforms>", b'<ds:Transforms><ds:Transform Algorithm="' + word + b'"/>')


def _method(one: Genuine, *, word: bytes) -> bytes:
    return one.altered(b"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", word)


def _namespace(one: Genuine, *, word: bytes) -> bytes:
    """Of the root, which is quoted."""
    return one.altered(b'xmlns="urn:feedsrv:', b'xmlns="urn:' + word)


def _unbound(one: Genuine, *, word: bytes) -> bytes:
    """A namespace that is no address, which the parser quotes, beside a prefix that has none."""
    return one.first(b'<x:a xmlns:y="' + word + b'"/>')


def _issuer(one: Genuine, *, word: str) -> bytes:
    """A stranger's chain, whose names are quoted."""
    names = {"organisation": word[:64], "key_name": "attacker-root"}
    chain = one.pki.certificates(
        one.kind, None, root=names, ca={"organisation": word[:64]}, leaf={"key_name": "stranger"}
    )
    return one.resigned(private_key=stranger(), certificates=(chain["leaf"], chain["ca"], chain["root"]))


def _status(one: Genuine, *, word: str) -> bytes:
    """Signed by the publisher itself, against the grammar."""
    old = b'"production"'
    return one.resigned(replaced(one.unsigned, old, b'"' + word.encode() + b'"'))


_PLACES: Final = {
    "reference": (_uri, "trust.signature_reference", None),
    "transform": (_transform, "trust.signature_reference", None),
    "method": (_method, "trust.signature_algorithm", None),
    "unbound-namespace": (_unbound, "trust.document_malformed", "xml.malformed"),
}

STEERING: Final = (
    *(
        Flaw(
            f"namespace-{name}",
            f"the root's namespace is no address, and holds what steers a terminal ({name})",
            "trust.document_malformed",
            partial(_namespace, word=word.encode()),
            reader="xml.malformed",
        )
        for name, word in _WORDS.items()
        if name != "long"
    ),
    Flaw(
        "namespace-long",
        "the root's namespace is endless",
        "trust.wrong_kind",
        partial(_namespace, word=_WORDS["long"].encode()),
    ),
    *(
        Flaw(
            f"{place}-{name}",
            f"the {place.replace('-', ' ')} holds what steers a terminal ({name})",
            code,
            partial(make, word=word.encode()),
            reader=reader,
        )
        for place, (make, code, reader) in _PLACES.items()
        for name, word in _WORDS.items()
    ),
    *(
        Flaw(
            f"issuer-{name}",
            f"a stranger's CA has a name that steers a terminal ({name})",
            "trust.anchor_unknown",
            partial(_issuer, word=word),
        )
        for name, word in {**_WORDS, "escape": "\x1b[2J", "zero": "a\0b", "line-end": "a\r\nb"}.items()
    ),
    *(
        Flaw(
            f"channel-{name}",
            f"the channel is a word that steers a terminal ({name})",
            "trust.content_invalid",
            partial(_status, word=word),
            reader="xml.schema",
        )
        for name, word in _WORDS.items()
    ),
)
