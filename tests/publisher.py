"""A publisher in a folder: the real workflow and cycle, on SQLite and files, with the development PKI."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from feedsrv import clock
from feedsrv.codec.catalogue import read_catalogue, write_catalogue
from feedsrv.model.build import Build
from feedsrv.model.catalogue import Catalogue, CumulativeUpdate, UpdateStage
from feedsrv.model.feed import Feed, feed_path, mitigation_path
from feedsrv.model.mitigation import Mitigation
from feedsrv.publishing.cycle import Guard, Outcome, PublishCycle, Signers
from feedsrv.publishing.ports import PublicView, PublishLock, Shelf, Store
from feedsrv.publishing.records import Revision
from feedsrv.publishing.stamping import TimeStamper
from feedsrv.publishing.workflow import Workflow
from feedsrv.signing.backends import open_signer
from feedsrv.signing.development import DevelopmentPki, ensure_development_pki
from feedsrv.stores.database import open_database, upgrade
from feedsrv.stores.lock import lock_beside
from feedsrv.stores.shelf_files import FileShelf
from feedsrv.stores.sql import SqlStore
from feedsrv.trust.opening import open_feed, open_mitigation
from feedsrv.trust.policy import TrustPolicy, load_anchors
from feedsrv.trust.profile import Kind

PRODUCT = "exchange-2019"

CATALOGUE = b"""<Catalogue xmlns="urn:feedsrv:catalogue:1">
  <Product id="exchange-2019" name="Exchange Server 2019">
    <Release build="15.2.221.12" name="RTM" date="2018-10-22"/>
    <Release build="15.2.1118.7" name="CU12" date="2022-04-20"/>
    <Release build="15.2.1544.4" name="CU14" date="2024-02-13"/>
    <Release build="15.2.1748.10" name="CU15" date="2025-02-10"/>
    <CumulativeUpdate build="15.2.1118.20" name="CU12 Nov22SU" date="2022-11-08" kb="KB5019758">
      <Fixes id="CVE-2022-41040"/>
    </CumulativeUpdate>
  </Product>
  <Product id="sfb-2019" name="Skype for Business Server 2019">
    <Release build="7.0.2046.0" name="RTM" date="2018-10-22"/>
  </Product>
</Catalogue>
"""


def written(
    mitigation_id: str = "M0001",
    *,
    title: str = "No way in",
    vulnerability: str = "CVE-2026-1000",
    ranges: str = '<Range introduced="15.2.221.12"/>',
    change: str = "",
    channel: str = "production",
    supersedes: str = "",
    product: str = PRODUCT,
    action: str = '<AppPool id="A1" name="MSExchangeOWAAppPool"/>',
) -> bytes:
    """A mitigation as its author writes it."""
    open_ended = "fixed" not in ranges
    root = f'xmlns="urn:feedsrv:authoring:1" id="{mitigation_id}" channel="{channel}" severity="high"'
    return f"""<Mitigation {root}>
  <Title>{title}</Title>
  <Description>Stops requests that should never have been answered.</Description>
  <Vulnerability id="{vulnerability}"/>
  {f"<Change>{change}</Change>" if change else ""}
  <ReviewWithin days="30"/>
  {"<NoFixYet>The fix is being made.</NoFixYet>" if open_ended else ""}
  {f'<Supersedes id="{supersedes}"/>' if supersedes else ""}
  <Affects product="{product}">{ranges}</Affects>
  <Actions>{action}</Actions>
</Mitigation>
""".encode()


def heartbeat() -> bytes:
    """The heartbeat as its author writes it."""
    return b"""<Mitigation xmlns="urn:feedsrv:authoring:1" id="PING1" channel="production" severity="low">
  <Title>Heartbeat</Title>
  <Description>Changes nothing.</Description>
  <ReviewWithin days="30"/>
  <NoFixYet>It protects from nothing, so nothing makes it needless.</NoFixYet>
  <Affects product="exchange-2019"><Range introduced="15.2.221.12"/></Affects>
  <Affects product="sfb-2019"><Range introduced="7.0.2046.0"/></Affects>
  <Actions><DoNothing id="A1"/></Actions>
</Mitigation>
"""


def cumulative_update(
    build: str = "15.2.1900.1", *, fixes: tuple[str, ...] = ("CVE-2026-1000",), needless: tuple[str, ...] = ()
) -> CumulativeUpdate:
    """An update as it is registered."""
    return CumulativeUpdate(
        product=PRODUCT,
        build=Build.parse(build),
        name="CU16",
        released=date(2026, 11, 10),
        kb="KB5099999",
        fixes=fixes,
        needless=needless,
        stage=UpdateStage.REGISTERED,
    )


def catalogue_with(update: CumulativeUpdate) -> bytes:
    """The catalogue's file with one more update in it."""
    catalogue = read_catalogue(CATALOGUE, source="products.xml")
    return write_catalogue(Catalogue.of(catalogue.products.values(), (*catalogue.updates, update)))


class PlainPage:
    """The plainest page there can be."""

    def index(self, view: PublicView) -> bytes:
        """One line for each feed, and one for each update that is public."""
        lines = [f"{head.name} {head.feed.version}" for head in view.feeds]
        lines += [f"{update.product} {update.build} is out" for update in view.catalogue.updates]
        return "".join(f"<p>{line}</p>" for line in lines).encode()


def nothing(step: int) -> None:
    """What happens after a step, as a rule."""


def _all_is_well(at: datetime, kinds: frozenset[Kind]) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class House:
    """Everything that publishes, on given back ends."""

    store: Store
    shelf: Shelf
    lock: PublishLock
    pki: DevelopmentPki
    now: Callable[[], datetime] = clock.now

    @property
    def policy(self) -> TrustPolicy:
        """Whom agents trust here."""
        return TrustPolicy(load_anchors(self.pki.anchors.read_bytes(), source="anchors"))

    @property
    def workflow(self) -> Workflow:
        """The verbs."""
        return Workflow(self.store, now=self.now)

    @property
    def signers(self) -> Signers:
        """The keys of the development PKI."""
        return Signers(open_signer(self.pki.mitigation_signer), open_signer(self.pki.feed_signer))

    def cycle(
        self,
        after: Callable[[int], None] = nothing,
        *,
        signers: Signers | None = None,
        policy: TrustPolicy | None = None,
        fixed_files: Mapping[str, bytes] | None = None,
        shelf: Shelf | None = None,
        guard: Guard | None = None,
        stamper: TimeStamper | None = None,
        via: str = "",
    ) -> PublishCycle:
        """The publish cycle; `after` is told of every step."""
        anchors = {"v1/trust/anchors.pem": self.pki.anchors.read_bytes()}
        return PublishCycle(
            self.store,
            shelf or self.shelf,
            self.lock,
            signers=signers or self.signers,
            policy=policy or self.policy,
            page=PlainPage(),
            fixed_files=anchors if fixed_files is None else fixed_files,
            guard=guard or _all_is_well,
            stamper=stamper,
            via=via,
            after=after,
        )

    def publish(self) -> Outcome:
        """Publish now."""
        return self.cycle().run(by="paula", at=self.now())

    def approve(self, mitigation_id: str) -> Revision:
        """Submit where needed, and approve as somebody else."""
        found = self.workflow.show_mitigation(mitigation_id)
        if found.stage == "draft":
            found = self.workflow.submit(mitigation_id, by="anna")
        return self.workflow.approve(mitigation_id, by="ben", digest=found.digest)

    def bring(self, *documents: bytes) -> Outcome:
        """Import, approve and publish mitigations."""
        for document in documents:
            imported = self.workflow.import_mitigation(document, source="test.xml", by="anna")
            self.approve(imported.revision.id)
        return self.publish()

    def read_feed(
        self, product: str = PRODUCT, channel: str = "production", version: int | None = None
    ) -> Feed:
        """A feed on the shelf, opened as an agent would."""
        document = self.shelf.get(f"v1/{feed_path(product, channel, version)}")
        assert document is not None, f"no feed {product}/{channel} on the shelf"
        return open_feed(document, self.policy, at=self.now()).feed

    def read_mitigation(self, mitigation_id: str, revision: int) -> Mitigation:
        """A mitigation on the shelf, opened as an agent would."""
        document = self.shelf.get(f"v1/{mitigation_path(mitigation_id, revision)}")
        assert document is not None, f"no {mitigation_id} revision {revision} on the shelf"
        return open_mitigation(document, self.policy, at=self.now()).mitigation

    def states(self, product: str = PRODUCT, channel: str = "production") -> dict[str, str]:
        """What a feed says of each mitigation, such as `2 superseded`."""
        return {
            entry.id: f"{entry.revision} {entry.state}" for entry in self.read_feed(product, channel).entries
        }

    def prove_shelf(self) -> None:
        """Every current feed opens, and so does every mitigation it lists, with the digest it names."""
        for head in self.workflow.list_feeds():
            feed = self.read_feed(head.feed.product, head.feed.channel)
            assert feed == head.feed
            for entry in feed.entries:
                document = self.shelf.get(f"v1/{entry.href}")
                assert document is not None, entry.href
                open_mitigation(document, self.policy, at=self.now(), entry=entry, channel=head.feed.channel)


def open_house(folder: Path, pki: Path, now: Callable[[], datetime] = clock.now) -> House:
    """A publisher whose database and shelf lie in a folder, made where they are missing."""
    url = f"sqlite:///{folder}/feedsrv.db"
    upgrade(url)
    return House(
        SqlStore(open_database(url)),
        FileShelf(folder / "shelf"),
        lock_beside(folder / "feedsrv.db"),
        ensure_development_pki(pki, now=clock.now()),
        now,
    )


@cache
def shared_pki() -> Path:
    """A folder for one development PKI, made once for all tests of a process and removed after them."""
    folder = TemporaryDirectory(prefix="feedsrv-pki-")
    atexit.register(folder.cleanup)
    return Path(folder.name) / "pki"
