"""The certificates of a time-stamping authority are watched, those of its newest stamp included."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from feedsrv.publishing.watching.results import Grade, Result
from feedsrv.settings import Settings
from feedsrv.signing.timestamping import TimestampAuthority
from feedsrv.trust.profile import fingerprint
from feedsrv.wiring.watch import look
from tests.pki import chain_pem
from tests.publisher import CATALOGUE, heartbeat, open_house, shared_pki
from tests.time_stamping import StampingAuthority

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="missing on this machine: openssl")


def stamping(settings: Settings) -> list[Result]:
    """What is said of the authority's certificates."""
    results = look(settings, thorough=True)
    return [
        one for one in results if one.check == "certificate.ends" and one.subject.startswith("time stamping ")
    ]


def test_the_certificate_that_stamped_last_is_watched_beside_its_root(tmp_path: Path) -> None:
    """It ends years before the root, and nobody else tells."""
    authority = StampingAuthority(tmp_path / "tsa")
    (tmp_path / "house").mkdir()
    house = open_house(tmp_path / "house", shared_pki())
    house.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
    anchors = tmp_path / "tsa-anchors.pem"
    anchors.write_bytes(chain_pem(authority.anchors))
    settings = Settings(
        data=tmp_path / "house",
        database_url=f"sqlite:///{tmp_path}/house/feedsrv.db",
        development_keys=shared_pki(),
        timestamp_url="http://127.0.0.1:9/tsa",
        timestamp_anchors=anchors,
    )
    before = stamping(settings)
    with authority.serving() as served:
        house.workflow.import_mitigation(heartbeat(), source="p.xml", by="anna")
        house.approve("PING1")
        house.cycle(stamper=TimestampAuthority(served.url, authority.anchors)).run(by="paula", at=house.now())

    after = stamping(settings)

    root = f"time stamping {fingerprint(authority.root.certificate)[:16]}"
    assert [one.subject for one in before] == [root]
    assert root in {one.subject for one in after}
    assert len(after) == 2
    assert Grade.CRITICAL not in {one.grade for one in after}
