"""What is fuzzed: each target takes bytes and raises where something is wrong with us."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from feedsrv.codec.authoring import read_draft, write_draft
from feedsrv.codec.catalogue import read_catalogue, write_catalogue
from feedsrv.codec.feed import read_feed, write_feed
from feedsrv.codec.mitigation import read_mitigation, write_mitigation
from feedsrv.errors import BadInputError
from feedsrv.model.mitigation import Draft
from feedsrv.trust.certificates import decode_base64, decode_certificate, read_party
from feedsrv.trust.looking import lint_certificate
from feedsrv.trust.opening import open_feed
from feedsrv.trust.policy import CrlUnreadableError, load_crl
from feedsrv.trust.profile import Kind, Role
from feedsrv.trust.refusals import UntrustedError
from tests.fuzz.genuine import kept
from tests.hostile.genuine import AT

_REVOCATION: Final = 9
"""The step at which lists are judged."""


def feed(data: bytes) -> None:
    """`open_feed`: a refusal, or the words that were signed."""
    kept(Kind.FEED).check(data)


def mitigation(data: bytes) -> None:
    """`open_mitigation`: a refusal, or the words that were signed."""
    kept(Kind.MITIGATION).check(data)


def _draft(data: bytes) -> Draft:
    return read_draft(data, revision=1, issued=AT, source="draft")


# Each reader with its writer: what was read can be written, and read again alike.
_READERS: Final[tuple[tuple[Callable[[bytes], object], Callable[..., bytes]], ...]] = (
    (read_feed, write_feed),
    (read_mitigation, write_mitigation),
    (_draft, write_draft),
    (lambda data: read_catalogue(data, source="catalogue"), write_catalogue),
)


def reader(data: bytes) -> None:
    """All readers: bad input, or words that can be written and read again alike."""
    for read, write in _READERS:
        try:
            words = read(data)
        except BadInputError:
            continue
        assert read(write(words)) == words, "what was read is written otherwise"


def certificate(data: bytes) -> None:
    """Certificates in base64, and CRLs: readable, with all their fields, or a refusal; lint explains any."""
    text = data.decode("latin-1")
    try:
        found = decode_certificate(text, source="fuzz", position=1)
        read_party(found, source="fuzz")
    except UntrustedError:
        _list(text)
    else:
        for deviation in lint_certificate(found, tuple(Role), at=AT):
            assert deviation.sentence


def _list(text: str) -> None:
    try:
        crl = load_crl(decode_base64(text), source="fuzz")
    except (CrlUnreadableError, ValueError):
        return
    policy = replace(kept(Kind.FEED).policy, crls=(crl,))
    try:
        open_feed(kept(Kind.FEED).document, policy, at=AT)
    except UntrustedError as refusal:
        if refusal.step != _REVOCATION:
            raise


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "feed": feed,
    "mitigation": mitigation,
    "reader": reader,
    "certificate": certificate,
}
"""By the name that `python -m tests.fuzz` takes."""
