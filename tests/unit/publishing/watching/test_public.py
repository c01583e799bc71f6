"""Going the way an agent goes, over what a real publisher published; what fails is named by its step."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv import clock
from feedsrv.publishing.records import Head
from feedsrv.publishing.watching.ports import UnreachedError
from feedsrv.publishing.watching.public import CACHED, MOST_DOCUMENTS, see_public
from feedsrv.publishing.watching.reaching import public_is_failing
from feedsrv.publishing.watching.results import NEITHER, Grade
from feedsrv.publishing.watching.seen import PublicFeed, PublicSeen
from feedsrv.signing.issuing import Authority, issue_crl
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind
from tests.pki import Pki, key
from tests.publisher import CATALOGUE, PRODUCT, House, heartbeat, open_house, shared_pki, written
from tests.unit.publishing.watching.seeing import well

URL = "https://mitigations.example"
FEED = f"v1/feeds/{PRODUCT}/production.xml"
M0001 = "v1/mitigations/M0001/1.xml"
POLICY = "v1/trust/policy.json"
ANCHORS = "v1/trust/anchors.pem"


@dataclass
class Copy:
    """A web server that serves a folder, but for what `instead` puts in its place."""

    folder: Path
    instead: dict[str, bytes | UnreachedError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = URL

    def fetch(self, path: str, *, max_bytes: int) -> bytes:
        """As from the folder."""
        self.asked.append(path)
        found = self.instead.get(path) or (self.folder / path).read_bytes()
        if isinstance(found, UnreachedError):
            raise found
        assert len(found) <= max_bytes
        return found

    def certificate(self) -> x509.Certificate | None:
        """None is looked at here."""
        return None


@dataclass(frozen=True)
class Place:
    """A publisher with two mitigations out, and a web server over its shelf."""

    house: House
    server: Copy

    @property
    def heads(self) -> tuple[Head, ...]:
        """What is current."""
        return self.house.workflow.list_feeds()

    def see(
        self, *, policy: TrustPolicy | None = None, at: datetime | None = None, thorough: bool = True
    ) -> PublicSeen:
        """Go the whole way."""
        return see_public(
            self.server,
            self.heads,
            policy or self.house.policy,
            at=at or clock.now() + CACHED,
            thorough=thorough,
        )

    def failing(self) -> tuple[str | None, str]:
        """The step at which agents of the first product fail, and why."""
        seen = self.see()
        if seen.failed_step is not None:
            return seen.failed_step, seen.why
        feed = seen.feeds[0]
        return feed.failed_step, feed.why


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A publisher on a disk."""
    house = open_house(tmp_path, shared_pki())
    house.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
    house.bring(heartbeat(), written())
    folder = tmp_path / "shelf"
    (folder / POLICY).write_text(json.dumps({"crls": []}))
    return Place(house, Copy(folder))


def test_the_whole_way_is_gone_for_every_feed(place: Place) -> None:
    """Each mitigation is fetched once, though two feeds list it."""
    seen = place.see()

    assert seen == PublicSeen(
        URL, (PublicFeed(f"{PRODUCT}/production", 1, 2), PublicFeed("sfb-2019/production", 1, 1))
    )
    assert place.server.asked == [
        POLICY,
        ANCHORS,
        FEED,
        M0001,
        "v1/mitigations/PING1/1.xml",
        "v1/feeds/sfb-2019/production.xml",
    ]


@pytest.mark.parametrize("step", ["DNS", "connection", "proxy", "TLS", "HTTP", "time"])
@pytest.mark.parametrize("path", [POLICY, FEED, M0001])
def test_what_cannot_be_fetched_is_named_by_its_step(place: Place, step: str, path: str) -> None:
    """Wherever on the way it happens."""
    place.server.instead[path] = UnreachedError(step, f"{path}: why")

    assert place.failing() == (step, f"{path}: why")


@pytest.mark.parametrize(
    ("path", "served", "step"),
    [
        (POLICY, b"<html>", "trust files"),
        (POLICY, b"[]", "trust files"),
        (POLICY, b'{"crls": "all"}', "trust files"),
        (POLICY, b'{"crls": ["trust/crls/x.crl"]}', "revocation lists"),
        (ANCHORS, b"nothing", "trust files"),
        (ANCHORS, Pki().anchor().public_bytes(Encoding.PEM), "trust files"),
        (FEED, b"<html/>", "document"),
        (M0001, b"<html/>", "mitigations"),
    ],
)
def test_what_is_served_instead_is_named_by_its_step(
    place: Place, path: str, served: bytes, step: str
) -> None:
    """A page, another publisher's files, something that is no list."""
    place.server.instead |= {"v1/trust/crls/x.crl": b"no list", path: served}

    assert place.failing()[0] == step


@pytest.mark.parametrize(
    ("change", "step"),
    [
        (lambda document: document.replace(b'version="1"', b'version="9"'), "signature"),
        (lambda document: document[:-20], "document"),
    ],
)
def test_a_feed_that_is_changed_on_the_way_is_refused(
    place: Place, change: Callable[[bytes], bytes], step: str
) -> None:
    """By a proxy, or by somebody."""
    document = (place.server.folder / FEED).read_bytes()
    place.server.instead[FEED] = change(document)

    assert place.failing()[0] == step


def test_an_older_feed_from_a_cache_is_found_once_caches_should_have_let_go(place: Place) -> None:
    """In the first minutes it may be served; after that agents see too little."""
    older = (place.server.folder / FEED).read_bytes()
    place.house.cycle().refresh(by="paula", at=clock.now(), force=True)
    place.server.instead[FEED] = older

    assert place.see(at=clock.now()).feeds[0].failed_step is None
    assert place.failing()[0] == "freshness"


def test_an_expired_feed_fails_at_freshness(place: Place) -> None:
    """As it does for agents."""
    seen = place.see(at=clock.now() + timedelta(days=8))

    assert {one.failed_step for one in seen.feeds} == {"freshness"}


def test_a_list_that_revokes_the_signer_fails_at_revocation(place: Place) -> None:
    """The lists count that are served, not those at hand here."""
    pki = Pki()
    signer = pki.signer(Kind.FEED)
    authority = Authority(signer.chain[1], key("feed-ca"))
    crl = issue_crl(
        authority,
        revoked=[(signer.chain[0].serial_number, clock.now(), "key_compromise")],
        now=clock.now(),
    )
    house = place.house
    house.cycle(
        signers=type(house.signers)(pki.signer(Kind.MITIGATION), signer),
        policy=TrustPolicy((pki.anchor(), *house.policy.anchors)),
        fixed_files={ANCHORS: pki.anchors_pem()},
    ).refresh(by="paula", at=clock.now(), force=True)
    place.server.instead |= {
        POLICY: b'{"crls": ["trust/crls/feed.crl"]}',
        "v1/trust/crls/feed.crl": crl.public_bytes(Encoding.DER),
    }

    seen = place.see(policy=pki.policy())

    assert seen.feeds[0].failed_step == "revocation"


def test_without_keys_everything_is_fetched_that_can_be_without(place: Place) -> None:
    """Nothing is believed, so nothing more is followed."""
    seen = see_public(place.server, place.heads, None, at=clock.now(), thorough=True)

    assert [one.failed_step for one in seen.feeds] == [None, None]
    assert place.server.asked == [POLICY, ANCHORS, FEED, "v1/feeds/sfb-2019/production.xml"]


def test_a_hasty_look_fetches_some_and_the_next_look_the_next_ones(place: Place) -> None:
    """With hundreds of mitigations, a look every five minutes must not be a load."""
    more = [written(f"M{one:04}", vulnerability=f"CVE-2026-{one + 1000}") for one in range(2, 70)]
    place.house.bring(*more)
    at = clock.now() + CACHED
    asked: list[set[str]] = []
    for minute in range(2):
        place.server.asked.clear()
        assert place.see(at=at + timedelta(minutes=minute), thorough=False).feeds[0].failed_step is None
        asked.append({path for path in place.server.asked if path.startswith("v1/mitigations/M")})

    assert all(len(one) <= MOST_DOCUMENTS for one in asked)
    assert len(asked[0] | asked[1]) > MOST_DOCUMENTS
    assert asked[0] != asked[1]


def test_a_failing_public_url_is_critical_and_stops_nothing() -> None:
    """An emergency must get out; the step and the remedy stand in the result."""
    seen = well(public=PublicSeen(URL, (PublicFeed("a/b", None, 0, "TLS", f"{URL}: expired."),)))

    results = {one.subject: one for one in public_is_failing(seen)}

    assert results["a/b"].grade is Grade.CRITICAL
    assert results["a/b"].stops == NEITHER
    assert results["a/b"].value == 0
    assert results["a/b"].sentence == f"{URL} fails agents of feed a/b at the step 'TLS': {URL}: expired"
    assert results["a/b"].remedy.startswith("Renew or correct the web server's certificate")


def test_where_no_public_url_is_set_that_is_said() -> None:
    """Nobody looked, and that is no trouble by itself."""
    (found,) = public_is_failing(well(public=None))

    assert found.grade is Grade.OK
    assert "FEEDSRV_PUBLIC_URL" in found.sentence
