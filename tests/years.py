"""A service over years, and agents that were set up in one of them: all of it real but the dates.

Time is what the test says. The service publishes with its own cycle onto a shelf of files; an agent syncs
from what lies there, over HTTP or TLS, with a home folder of its own.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509

from feedsrv.agent.http_source import HttpSource
from feedsrv.agent.settings import AgentSettings
from feedsrv.agent.state import AgentState, feed_key
from feedsrv.agent.state_file import StateFile
from feedsrv.agent.sync import Sync, Synced
from feedsrv.publishing.announcing import Announced, AnnouncingDesk
from feedsrv.publishing.cycle import Outcome, PublishCycle, Signers
from feedsrv.publishing.key_register.keyring import HeldKey, Keyring
from feedsrv.publishing.listed import listed_on
from feedsrv.publishing.planning import Switch, TrustPlan, plan
from feedsrv.publishing.strand import StrandError, stranded
from feedsrv.publishing.timeline import Facts
from feedsrv.publishing.trust_records import KeyStage
from feedsrv.signing.issuing import Authority
from feedsrv.stores.sql import SqlStore
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind, Role, fingerprint, spki_id
from tests.pki import ORGANISATION, Pki, TestSigner, chain_pem
from tests.publisher import CATALOGUE, PRODUCT, House, open_house, shared_pki
from tests.rotation import Line
from tests.simulator import CHANNEL, Simulator
from tests.unit.agent.memory_host import MemoryHost

BUILD = "15.2.1544.4"


@dataclass
class Service:
    """A publisher with keys of its own, at a time that the test moves."""

    folder: Path
    at: datetime
    anchors: list[Authority]
    """What agents are told to pin."""
    signers: dict[Kind, TestSigner]
    ready: list[HeldKey] = field(default_factory=list)
    """What waits for its day."""

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.house: House = open_house(self.folder, shared_pki(), lambda: self.at)
        self.house.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")

    @classmethod
    def begun(cls, folder: Path, at: datetime, line: Line) -> Service:
        """With everything of one line at work."""
        return cls(folder, at, [line.root], dict(line.signers))

    def close(self) -> None:
        """Let go of the database."""
        assert isinstance(self.house.store, SqlStore)
        self.house.store.close()

    @property
    def policy(self) -> TrustPolicy:
        """What is published for agents to trust."""
        return TrustPolicy(tuple(one.certificate for one in self.anchors), organisation=ORGANISATION)

    def anchors_pem(self) -> bytes:
        """The same as a file for whoever sets up an agent."""
        return chain_pem(one.certificate for one in self.anchors)

    def bring(self, *documents: bytes) -> Outcome:
        """Import, approve and publish mitigations."""
        for document in documents:
            imported = self.house.workflow.import_mitigation(document, source="test.xml", by="anna")
            self.house.approve(imported.revision.id)
        return self._cycle().run(by="paula", at=self.at)

    def refresh(self, *, force: bool = False) -> Outcome:
        """As the keeper does."""
        return self._cycle().refresh(by="keeper", at=self.at, force=force)

    def _cycle(self) -> PublishCycle:
        return self.house.cycle(
            signers=Signers(self.signers[Kind.MITIGATION], self.signers[Kind.FEED]),
            policy=self.policy,
            fixed_files={"v1/trust/anchors.pem": self.anchors_pem()},
        )

    def announce(self, wanted: Authority, begins: datetime, *vouchers: x509.Certificate) -> Announced:
        """Announce a root or an issuing CA."""
        among = (wanted.certificate, *vouchers)
        desk = AnnouncingDesk(self.house.store, self.policy, now=lambda: self.at)
        return desk.announce(fingerprint(wanted.certificate), among, begins=begins, by="anna")

    def use(self, kind: Kind, signer: TestSigner) -> None:
        """Sign with it from now on, if that strands nobody."""
        with self.house.store.look() as work:
            policies, announced = work.policies.all(), work.announcements.all()
        told = stranded(signer.chain, kind, policies, at=self.at, announced=announced)
        if told:
            raise StrandError(told)
        self.signers[kind] = signer
        self.ready = [one for one in self.ready if one.chain[0] != signer.chain[0]]

    def keep(self, role: Role, *chain: x509.Certificate) -> None:
        """Have a key and its certificate wait for their day."""
        key = spki_id(chain[0].public_key())
        self.ready.append(HeldKey(key, role, KeyStage.READY, chain, place=None))

    def facts(self) -> Facts:
        """All that is known about certificates."""
        with self.house.store.look() as work:
            return Facts(
                policy=self.policy,
                chains={kind: signer.chain for kind, signer in self.signers.items()},
                keyring=Keyring(tuple(self.ready)),
                announced=work.announcements.all(),
                policies=work.policies.all(),
                listed=listed_on(self.house.shelf, work.revisions.standing()),
            )

    def plan(self, switch: Switch | None = None) -> TrustPlan:
        """As of now."""
        return plan(self.facts(), at=self.at, switch=switch)

    @property
    def version(self) -> int:
        """Of the current feed."""
        with self.house.store.look() as work:
            head = work.feeds.head(PRODUCT, CHANNEL)
        assert head is not None
        return head.feed.version

    @contextmanager
    def serving(self, tls: ssl.SSLContext | None = None) -> Iterator[str]:
        """Serve what lies on the shelf now; gives the address."""
        shelf = self.folder / "shelf"
        files = {
            f"/{path.relative_to(shelf)}": path.read_bytes() for path in shelf.rglob("*") if path.is_file()
        }
        with Simulator(Pki(at=self.at), self.at, files=files).serving(tls) as simulator:
            yield simulator.url.replace("127.0.0.1", "localhost")


@dataclass
class Agent:
    """One agent, as it was set up once, and the server that it looks after."""

    home: Path
    anchors_pem: bytes
    tls_ca: Path | None = None
    adopts: bool = True
    host: MemoryHost = field(default_factory=MemoryHost)

    def __post_init__(self) -> None:
        self.home.mkdir()
        (self.home / "root.pem").write_bytes(self.anchors_pem)

    def sync(self, address: str, at: datetime) -> Synced:
        """One sync over real HTTP, at that time."""
        settings = AgentSettings(
            server=address,
            product=PRODUCT,
            anchors=("root.pem",),
            organisation=ORGANISATION,
            build=BUILD,
            tls_ca=None if self.tls_ca is None else str(self.tls_ca),
            adopt_anchors=self.adopts,
        )
        with closing(HttpSource(address, tls_ca=settings.tls_ca)) as source:
            return Sync(self.home, settings, lambda: self.host, at).run(source)

    @property
    def state(self) -> AgentState:
        """What it remembers."""
        return StateFile(self.home).load()

    @property
    def version(self) -> int:
        """Of the feed that it trusts; 0 for none."""
        memory = self.state.feeds.get(feed_key(PRODUCT, CHANNEL))
        return 0 if memory is None else memory.version


def codes(done: Synced) -> list[str]:
    """What went wrong in a sync."""
    return [one.code for one in done.problems]
