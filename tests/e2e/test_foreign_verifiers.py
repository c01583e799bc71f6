"""What we sign is verified by programs that we did not write, and what was changed is refused by them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from feedsrv.codec.feed import write_feed
from feedsrv.codec.mitigation import write_mitigation
from feedsrv.model.action import Condition, CustomResponse, InboundRule, Place, Scope, UrlRewrite
from feedsrv.model.feed import Entry, EntryState, digest_of
from feedsrv.signing.backends import open_signer
from feedsrv.signing.development import ensure_development_pki
from feedsrv.signing.documents import sign_document
from feedsrv.trust.opening import open_feed, open_mitigation
from feedsrv.trust.profile import CODE_SIGNING, EKU, Kind
from tests.e2e.foreign import verify_with_jdk, verify_with_xmlsec1
from tests.pki import Pki, sample_feed, sample_mitigation
from tests.unchecked import sign_unchecked

pytestmark = pytest.mark.e2e

_AWKWARD: Final = "Zürich 東京 \U0001f512 <&> \"both\" 'quotes' ]]> and more"


@dataclass(frozen=True)
class Shape:
    """A signed document, and what kind it is."""

    name: str
    kind: Kind
    data: bytes


@pytest.fixture(scope="module")
def pki() -> Pki:
    """A publisher whose certificates are valid now: these programs are asked by the real clock."""
    return Pki()


@pytest.fixture(scope="module")
def anchors(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The publisher's root, as a file."""
    path = tmp_path_factory.mktemp("anchors") / "anchors.pem"
    path.write_bytes(pki.anchors_pem())
    return path


@pytest.fixture(scope="module")
def shapes(pki: Pki) -> list[Shape]:
    """Documents as we publish them, and as honest people along the way may change them."""
    feed, mitigation = sample_feed(pki.at), sample_mitigation(pki.at)
    rewrite = UrlRewrite(
        "A1",
        "PowerShell - inbound",
        Place(Scope.SITE, "Default Web Site"),
        InboundRule(
            ".*",
            CustomResponse(403),
            conditions=(Condition("{UrlDecode:{REQUEST_URI}}", "(?=.*autodiscover)(?=.*powershell)"),),
        ),
    )
    awkward = sample_mitigation(
        pki.at, title="Ein Titel: <&>", description=_AWKWARD, known_issues=(_AWKWARD,), actions=(rewrite,)
    )
    many = sample_feed(
        pki.at,
        entries=tuple(
            Entry(f"M{number:04}", 1, EntryState.ACTIVE, digest_of(b"%d" % number), number + 1)
            for number in range(1000)
        ),
    )
    signer, found = pki.signer(Kind.FEED), pki.certificates(Kind.FEED)
    unsigned = write_feed(feed)
    line = (found["leaf"], found["ca"], found["root"])
    beside = pki.signer(Kind.FEED, leaf={"extended": (EKU[Kind.FEED], CODE_SIGNING)})
    elliptic = pki.signer(Kind.MITIGATION, leaf={"key_kind": "p256"})
    return [
        Shape("feed", Kind.FEED, pki.sign_feed(feed)),
        Shape("mitigation", Kind.MITIGATION, pki.sign_mitigation(mitigation)),
        Shape("awkward words", Kind.MITIGATION, pki.sign_mitigation(awkward)),
        Shape("1,000 entries", Kind.FEED, pki.sign_feed(many)),
        Shape("elliptic", Kind.MITIGATION, sign_document(write_mitigation(mitigation), elliptic)),
        Shape("code signing beside", Kind.FEED, sign_document(unsigned, beside)),
        Shape("reversed", Kind.FEED, sign_unchecked(unsigned, signer.private_key, line[1::-1])),
        Shape("root beside", Kind.FEED, sign_unchecked(unsigned, signer.private_key, line)),
        Shape(
            "default prefix", Kind.FEED, sign_unchecked(unsigned, signer.private_key, line[:2], prefix=None)
        ),
        Shape("CRLF", Kind.FEED, pki.sign_feed(feed).replace(b"\n", b"\r\n")),
    ]


def _tampered(shape: Shape) -> bytes:
    """One letter of the content, far from the signature."""
    old, new = (b"exchange-2019", b"exchange-2016")
    assert old in shape.data
    return (
        shape.data.replace(old, new, 1)
        if shape.kind is Kind.MITIGATION
        else shape.data.replace(b'version="7"', b'version="8"', 1)
    )


def test_the_shapes_are_those_that_we_accept(pki: Pki, shapes: list[Shape]) -> None:
    """Foreign verifiers are asked about what our own one reads, and about its tampered copy."""
    for shape in shapes:
        if shape.kind is Kind.FEED:
            assert open_feed(shape.data, pki.policy(), at=pki.at).feed.version == 7
        else:
            assert open_mitigation(shape.data, pki.policy(), at=pki.at).mitigation.id == "M0001"
        assert _tampered(shape) != shape.data


class TestXmlsec1:
    """Debian's xmlsec1: signature and chain."""

    def test_it_accepts_every_shape_that_we_publish(
        self, shapes: list[Shape], anchors: Path, tmp_path: Path
    ) -> None:
        """All of them, with nothing but the anchor given."""
        found = {shape.name: verify_with_xmlsec1(shape.data, anchors, tmp_path) for shape in shapes}

        assert {name: verdict.said for name, verdict in found.items() if not verdict.accepted} == {}

    def test_it_refuses_every_tampered_copy(self, shapes: list[Shape], anchors: Path, tmp_path: Path) -> None:
        """One letter is enough."""
        found = {shape.name: verify_with_xmlsec1(_tampered(shape), anchors, tmp_path) for shape in shapes}

        assert [name for name, verdict in found.items() if verdict.accepted] == []

    @pytest.mark.parametrize("bad", ["leaf-expired", "ca-is-no-ca", "leaf-by-another-key"])
    def test_it_refuses_a_bad_chain(self, pki: Pki, anchors: Path, tmp_path: Path, bad: str) -> None:
        """It does judge the chain, so that its yes above says something."""
        document = pki.sign_feed(sample_feed(pki.at), bad)

        assert not verify_with_xmlsec1(document, anchors, tmp_path).accepted

    def test_it_judges_at_a_stated_time(self, pki: Pki, anchors: Path, tmp_path: Path) -> None:
        """The same document, a year and more later."""
        document = pki.sign_feed(sample_feed(pki.at))

        late = verify_with_xmlsec1(document, anchors, tmp_path, at=pki.at + timedelta(days=366))

        assert not late.accepted


class TestJdk:
    """`javax.xml.crypto.dsig` and `CertPathValidator`: signature, chain and extended key usage."""

    @pytest.mark.parametrize("kind", Kind)
    def test_it_accepts_every_shape_that_we_publish(
        self, shapes: list[Shape], anchors: Path, tmp_path: Path, kind: Kind
    ) -> None:
        """All of them, under the usage of their kind."""
        ours = [shape for shape in shapes if shape.kind is kind]

        found = verify_with_jdk([shape.data for shape in ours], anchors, tmp_path, kind=kind)

        assert [
            (one.name, verdict.said) for one, verdict in zip(ours, found, strict=True) if not verdict.accepted
        ] == []

    @pytest.mark.parametrize("kind", Kind)
    def test_it_refuses_every_tampered_copy(
        self, shapes: list[Shape], anchors: Path, tmp_path: Path, kind: Kind
    ) -> None:
        """One letter is enough."""
        ours = [shape for shape in shapes if shape.kind is kind]

        found = verify_with_jdk([_tampered(shape) for shape in ours], anchors, tmp_path, kind=kind)

        assert {verdict.said for verdict in found} == {"refused the signature does not hold"}

    def test_it_refuses_a_bad_chain_and_a_wrong_usage(self, pki: Pki, anchors: Path, tmp_path: Path) -> None:
        """Chain and usage are judged, so that its yes above says something."""
        bad = [
            "leaf-expired",
            "ca-is-no-ca",
            "leaf-by-another-key",
            "eku-absent",
            "eku-any",
            "ca-eku-server-auth",
        ]
        documents = [pki.sign_feed(sample_feed(pki.at), one) for one in bad]

        found = verify_with_jdk(documents, anchors, tmp_path, kind=Kind.FEED)

        assert [verdict.said for verdict in found if verdict.accepted] == []
        assert [EKU[Kind.FEED].dotted_string in verdict.said for verdict in found[3:]] == [True] * 3

    def test_it_refuses_the_other_kind(self, shapes: list[Shape], anchors: Path, tmp_path: Path) -> None:
        """A feed's signer is no signer of mitigations, in Java either."""
        (verdict,) = verify_with_jdk([shapes[0].data], anchors, tmp_path, kind=Kind.MITIGATION)

        assert not verdict.accepted


def test_documents_under_the_development_pki_are_accepted_by_both(tmp_path: Path, pki: Pki) -> None:
    """What a newcomer publishes in the first five minutes, every stack can verify."""
    made = ensure_development_pki(tmp_path / "dev", now=pki.at)
    feed = sign_document(write_feed(sample_feed(pki.at)), open_signer(made.feed_signer))
    mitigation = sign_document(
        write_mitigation(sample_mitigation(pki.at)), open_signer(made.mitigation_signer)
    )

    for document, kind in ((feed, Kind.FEED), (mitigation, Kind.MITIGATION)):
        by_xmlsec1 = verify_with_xmlsec1(document, made.anchors, tmp_path)
        (by_jdk,) = verify_with_jdk([document], made.anchors, tmp_path, kind=kind)
        assert by_xmlsec1.accepted, by_xmlsec1.said
        assert by_jdk.accepted, by_jdk.said
