"""While two roots overlap, an issuing CA has a certificate under each: who believes such a document?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.clock import now
from feedsrv.codec.feed import write_feed
from feedsrv.signing.documents import sign_document
from feedsrv.signing.issuing import Authority
from feedsrv.trust.opening import open_feed
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind
from feedsrv.trust.refusals import UntrustedError
from tests.e2e.foreign import verify_with_xmlsec1
from tests.pki import sample_feed
from tests.rotation import make_ca, make_root, make_signer, make_voucher

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Overlap:
    """The old root, the next one, and a feed whose CA both vouch for."""

    old: Authority
    following: Authority
    feed: bytes


@pytest.fixture(scope="module")
def overlap() -> Overlap:
    """A feed with the CA's certificate under the old root first, and that under the next one after it."""
    at = now()
    old, following = make_root("Old root", at), make_root("Next root", at)
    ca = make_ca(Kind.FEED, old, at)
    signer = make_signer(Kind.FEED, ca, at, beside=[make_voucher(ca, following, at)])
    return Overlap(old, following, sign_document(write_feed(sample_feed(at)), signer))


def pinned(root: Authority, folder: Path) -> Path:
    """That root as a file."""
    path = folder / "root.pem"
    path.write_bytes(root.certificate.public_bytes(Encoding.PEM))
    return path


@pytest.mark.parametrize("name", ["old", "following"])
def test_our_agents_believe_it_by_either_root(overlap: Overlap, name: str) -> None:
    """Whichever of the two they pin."""
    root: Authority = getattr(overlap, name)

    opened = open_feed(overlap.feed, TrustPolicy((root.certificate,)), at=now())

    assert opened.proof.anchor == root.certificate


def test_nobody_else_is_believed_by_it(overlap: Overlap, tmp_path: Path) -> None:
    """A third root vouches for nothing here, neither to us nor to xmlsec1."""
    stranger = make_root("Stranger", now() - timedelta(days=1))

    with pytest.raises(UntrustedError) as refusal:
        open_feed(overlap.feed, TrustPolicy((stranger.certificate,)), at=now())

    assert refusal.value.code == "trust.anchor_unknown"
    assert not verify_with_xmlsec1(overlap.feed, pinned(stranger, tmp_path), tmp_path).accepted


def test_xmlsec1_goes_by_the_first_of_the_two_certificates(overlap: Overlap, tmp_path: Path) -> None:
    """So the one under the root that most others pin stands first; that it does not go back is known."""
    by_old = verify_with_xmlsec1(overlap.feed, pinned(overlap.old, tmp_path), tmp_path)
    by_following = verify_with_xmlsec1(overlap.feed, pinned(overlap.following, tmp_path), tmp_path)

    assert by_old.accepted, by_old.said
    assert not by_following.accepted
