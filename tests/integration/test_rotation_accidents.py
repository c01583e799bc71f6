"""Two accidents that cut off real agents, replayed with our own: those from before go on after.

In January 2025 the certificate of an endpoint got another type and subject, and every agent that had pinned
the subject stopped. In July 2026 an issuing CA expired, and what was published after was refused by all
that knew only the old one.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.cli.trust_plan import as_text
from feedsrv.publishing.leads import HEARING
from feedsrv.publishing.planning import Switch
from feedsrv.publishing.strand import StrandError
from feedsrv.signing.issuing import Authority, issue
from feedsrv.signing.signer import PrivateKey
from feedsrv.trust.profile import Kind, Role
from tests.pki import TestSigner, chain_pem, pem_of
from tests.publisher import heartbeat, written
from tests.rotation import Line, make_ca, make_root, make_signer, make_voucher
from tests.years import Agent, Service, codes

DAY: Final = timedelta(days=1)
YEAR: Final = timedelta(days=365)
MARCH_2023: Final = datetime(2023, 3, 1, 12, 0, tzinfo=UTC)
JANUARY_2026: Final = datetime(2026, 1, 9, 12, 0, tzinfo=UTC)
JULY_2026: Final = datetime(2026, 7, 9, 12, 0, tzinfo=UTC)
"""The day after the issuing CA has ended."""


class Endpoint:
    """The TLS end of a service, with a certificate of a private CA, for `localhost`."""

    def __init__(self, folder: Path, at: datetime) -> None:
        self.folder = folder
        self.root = make_root("Example TLS Root", at)
        self.file = folder / "tls-root.pem"
        self.file.write_bytes(self.root.certificate.public_bytes(Encoding.PEM))

    def context(self, key: PrivateKey, subject: str, organisation: str, at: datetime) -> ssl.SSLContext:
        """What serves with a new certificate of that subject."""
        certificate = issue(
            Role.TLS_SERVER,
            key.public_key(),
            self.root,
            organisation=organisation,
            now=at,
            common_name=subject,
            names=("localhost",),
        )
        file = self.folder / "endpoint.pem"
        file.write_bytes(pem_of(key) + chain_pem((certificate,)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


class TestJanuary2025:
    """The endpoint's certificate is withdrawn, and another takes its place."""

    @pytest.fixture
    def now(self) -> datetime:
        """TLS is judged by this machine's clock, so here it is the clock's year."""
        return datetime.now(UTC).replace(microsecond=0)

    @pytest.fixture
    def line(self, now: datetime) -> Line:
        """Who signs."""
        return Line.begun("Example Root 1", now)

    @pytest.fixture
    def service(self, tmp_path: Path, now: datetime, line: Line) -> Iterator[Service]:
        """A service that has published the heartbeat and a mitigation."""
        service = Service.begun(tmp_path / "service", now, line)
        service.bring(heartbeat(), written())
        yield service
        service.close()

    def test_an_agent_from_before_goes_on_under_another_type_and_subject_of_tls(
        self, tmp_path: Path, service: Service, now: datetime
    ) -> None:
        """It trusts the TLS authority that it was given, and pins no name of any certificate."""
        endpoint = Endpoint(tmp_path, now)
        agent = Agent(tmp_path / "agent", service.anchors_pem(), tls_ca=endpoint.file)
        old_type = endpoint.context(
            rsa.generate_private_key(65537, 3072), "officeclient.example.com", "Example Services", now
        )
        with service.serving(old_type) as address:
            assert codes(agent.sync(address, now)) == []
        service.bring(written(title="Better", change="Covers more."))

        new_type = endpoint.context(
            ec.generate_private_key(ec.SECP384R1()), "config.example.net", "Example Cloud", now
        )
        with service.serving(new_type) as address:
            done = agent.sync(address, now)

        assert codes(done) == []
        assert agent.version == service.version == 2
        assert agent.state.known["M0001"].revision == 2

    def test_tls_of_a_stranger_is_refused_all_the_same(
        self, tmp_path: Path, service: Service, now: datetime
    ) -> None:
        """Not to pin a name is not to trust everybody; what is trusted already stays."""
        endpoint = Endpoint(tmp_path, now)
        agent = Agent(tmp_path / "agent", service.anchors_pem(), tls_ca=endpoint.file)
        (tmp_path / "elsewhere").mkdir()
        stranger = Endpoint(tmp_path / "elsewhere", now)
        key = ec.generate_private_key(ec.SECP256R1())

        with service.serving(stranger.context(key, "config.example.net", "Example Cloud", now)) as address:
            done = agent.sync(address, now)

        assert codes(done) == ["agent.tls"]

    def test_a_signer_of_another_subject_and_key_is_believed(
        self, tmp_path: Path, service: Service, line: Line, now: datetime
    ) -> None:
        """The same CA issued it, so nothing changes for anybody, and nothing has to be forced."""
        agent = Agent(tmp_path / "agent", service.anchors_pem())
        with service.serving() as address:
            agent.sync(address, now)

        for kind in Kind:
            service.use(kind, make_signer(kind, line.cas[kind], now, name=f"Quite Another {kind} Name"))
        service.bring(written(title="Better", change="Covers more."))
        with service.serving() as address:
            done = agent.sync(address, now)

        assert codes(done) == []
        assert (agent.version, agent.state.known["M0001"].revision) == (2, 2)


@pytest.fixture(scope="module")
def old() -> Line:
    """The line of authority of before: its issuing CAs end on 8 July 2026, as does its root."""
    begun = MARCH_2023 - 5 * YEAR
    root = make_root("Example Root 1", begun, lifetime=JULY_2026 - DAY - begun)
    cas = {kind: make_ca(kind, root, MARCH_2023, name=f"{kind} CA 1") for kind in Kind}
    return Line(root, cas, {kind: make_signer(kind, cas[kind], JANUARY_2026) for kind in Kind})


@pytest.fixture(scope="module")
def new() -> Line:
    """The line that follows it."""
    root = make_root("Example Root 2", JANUARY_2026)
    cas = {kind: make_ca(kind, root, JANUARY_2026, name=f"{kind} CA 2") for kind in Kind}
    return Line(root, cas, {})


@pytest.fixture
def service(tmp_path: Path, old: Line) -> Iterator[Service]:
    """In January 2026, half a year before: a heartbeat and a mitigation are published."""
    service = Service.begun(tmp_path / "service", JANUARY_2026, old)
    service.bring(heartbeat(), written())
    yield service
    service.close()


def fresh(kind: Kind, ca: Authority, at: datetime, *beside: x509.Certificate) -> TestSigner:
    """A new signer under that CA, which may have a second certificate."""
    return make_signer(kind, ca, at, beside=beside)


def go_over(service: Service, new: Line, at: datetime, *, bridges: Line | None = None) -> None:
    """Sign under the new line from then on, and publish something that matters."""
    service.at = at
    service.anchors = [new.root]
    for kind in Kind:
        beside = [] if bridges is None else [make_voucher(new.cas[kind], bridges.root, at)]
        service.signers[kind] = fresh(kind, new.cas[kind], at, *beside)
    beat = heartbeat().replace(b"<ReviewWithin", b"<Change>Looked at again.</Change><ReviewWithin")
    service.bring(beat, written(title="Better", change="Covers more."), written("M0002"))


class TestJuly2026:
    """The issuing CA ends, and its root with it."""

    def test_agents_that_pin_two_anchors_accept_what_is_published_after(
        self, tmp_path: Path, service: Service, old: Line, new: Line
    ) -> None:
        """They were given the next one long before."""
        agent = Agent(tmp_path / "agent", chain_pem((old.root.certificate, new.root.certificate)))
        with service.serving() as address:
            assert codes(agent.sync(address, service.at)) == []

        go_over(service, new, JULY_2026)
        with service.serving() as address:
            done = agent.sync(address, JULY_2026)

        assert codes(done) == []
        assert agent.version == service.version
        assert {one: known.revision for one, known in agent.state.known.items()} == {
            "M0001": 2,
            "M0002": 1,
            "PING1": 2,
        }

    def test_a_ca_certified_under_both_roots_carries_agents_over_that_pin_either(
        self, tmp_path: Path, service: Service, old: Line, new: Line
    ) -> None:
        """As long as the old root lasts: the switch is made before it ends, and strands nobody."""
        before = Agent(tmp_path / "before", old_pem(old))
        after = Agent(tmp_path / "after", old_pem(new))
        with service.serving() as address:
            before.sync(address, service.at)
        june = JULY_2026 - 20 * DAY

        go_over(service, new, june, bridges=old)

        with service.serving() as address:
            assert codes(before.sync(address, june)) == []
            assert codes(after.sync(address, june)) == []
        assert before.version == after.version == service.version
        service.at = june
        for kind in Kind:
            service.use(kind, service.signers[kind])

    def test_agents_that_heard_of_the_next_root_accept_what_is_published_after(
        self, tmp_path: Path, service: Service, old: Line, new: Line
    ) -> None:
        """They pin the old root alone, and adopted the next one by its voucher while the old one lasted."""
        agent = Agent(tmp_path / "agent", old_pem(old))
        told = service.announce(new.root, JULY_2026 - 60 * DAY, make_voucher(new.root, old.root, service.at))
        assert "vouched for by CN=Example Root 1" in told.told[0]
        service.refresh()
        with service.serving() as address:
            assert codes(agent.sync(address, service.at)) == []

        go_over(service, new, JULY_2026)
        with service.serving() as address:
            done = agent.sync(address, JULY_2026)

        assert codes(done) == []
        assert agent.version == service.version
        assert agent.state.known["M0002"].revision == 1

    def test_agents_that_were_not_prepared_refuse_it_and_keep_their_protection(
        self, tmp_path: Path, service: Service, old: Line, new: Line
    ) -> None:
        """As in the accident: so these tests can tell the difference."""
        agent = Agent(tmp_path / "agent", old_pem(old))
        deaf = Agent(tmp_path / "deaf", old_pem(old), adopts=False)
        with service.serving() as address:
            agent.sync(address, service.at)
        service.announce(new.root, JULY_2026 - 60 * DAY, make_voucher(new.root, old.root, service.at))
        service.refresh()
        with service.serving() as address:
            deaf.sync(address, service.at)

        go_over(service, new, JULY_2026)
        with service.serving() as address:
            done = [one.sync(address, JULY_2026) for one in (agent, deaf)]

        for one, synced in zip((agent, deaf), done, strict=True):
            assert "trust.anchor_unknown" in codes(synced)
            assert one.version < service.version
            assert set(one.state.applied) == {"M0001", "PING1"}

    def test_an_announcement_without_a_voucher_is_adopted_by_nobody(
        self, tmp_path: Path, service: Service, old: Line, new: Line
    ) -> None:
        """Else whoever has the feed key would be a root."""
        agent = Agent(tmp_path / "agent", old_pem(old))
        told = service.announce(new.root, JULY_2026 - 60 * DAY)
        assert told.told[0].startswith("NO VOUCHER")
        service.refresh()
        with service.serving() as address:
            agent.sync(address, service.at)

        go_over(service, new, JULY_2026)
        with service.serving() as address:
            done = agent.sync(address, JULY_2026)

        assert "trust.anchor_unknown" in codes(done)

    def test_the_plan_says_months_before_what_must_be_done_and_who_would_be_lost(
        self, service: Service, new: Line
    ) -> None:
        """In January, of July: by date, by name, and with the commands."""
        switch = Switch(
            JULY_2026 - 30 * DAY, fresh(Kind.FEED, new.cas[Kind.FEED], service.at).chain, Kind.FEED
        )

        drawn = service.plan(switch)

        ends = JULY_2026 - DAY
        overdue = [one for one in drawn.tasks if one.by < service.at]
        assert [one.act for one in overdue] == ["make the next root CA, and announce it"]
        due = {one.act: one.by for one in drawn.tasks}
        assert due["make the next issuing CA for feeds, and announce it"] < ends - 105 * DAY
        assert drawn.is_safe is False
        assert {(one.who, one.what) for one in drawn.agents} == {
            ("published 2026-01-09", "mitigation"),
            ("published 2026-01-09", "feed"),
        }
        assert all(one.refused_from and one.refused_from <= ends + DAY for one in drawn.agents)
        assert drawn.switch is not None
        assert "agents of 'published 2026-01-09'" in drawn.switch.refusals[0]
        text = as_text(drawn)
        assert "!! " in text
        assert "root CA Example Root 1" in text

    def test_putting_the_unprepared_signer_to_use_is_refused(self, service: Service, new: Line) -> None:
        """Months before, or on the day: what is known to pin the old root alone holds it up."""
        for at in (service.at, JULY_2026 - 2 * DAY):
            service.at = at
            with pytest.raises(StrandError, match="'published 2026-01-09'"):
                service.use(Kind.FEED, fresh(Kind.FEED, new.cas[Kind.FEED], at))

    def test_prepared_in_time_nothing_holds_it_up(self, service: Service, old: Line, new: Line) -> None:
        """Announced with a voucher, heard of for a month."""
        voucher = make_voucher(new.root, old.root, service.at)
        service.announce(new.root, JULY_2026 - 60 * DAY, voucher)
        service.refresh()
        later = service.at + HEARING

        service.at = later
        service.use(Kind.FEED, fresh(Kind.FEED, new.cas[Kind.FEED], later))
        assert service.signers[Kind.FEED].chain[1] == new.cas[Kind.FEED].certificate


def old_pem(line: Line) -> bytes:
    """What an agent's administrator was given: one root."""
    return chain_pem((line.root.certificate,))
