"""TLS, proxies and slowness, over real sockets."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from feedsrv.agent.http_source import HttpSource
from feedsrv.agent.source import RedirectedError, TlsFailedError, TooSlowError, UnreachableError
from feedsrv.clock import now
from feedsrv.model.feed import feed_path
from tests.pki import Pki, key, pem_of
from tests.simulator import FEED, Answer, Simulator
from tests.unit.agent.making import AT, mitigation

PATH = feed_path("exchange-2019", "production")


@pytest.fixture
def publisher() -> Iterator[Simulator]:
    """A publisher without TLS."""
    with Simulator(Pki(at=AT), AT).serving() as simulator:
        simulator.publish(mitigation())
        yield simulator


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A TLS certificate for loopback, with its key in the same file."""
    private = key("tls")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    issued = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    path = tmp_path / "tls.pem"
    path.write_bytes(issued.public_bytes(Encoding.PEM) + pem_of(private))
    return path


@pytest.fixture
def secured(certificate: Path) -> Iterator[Simulator]:
    """A publisher behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Simulator(Pki(at=AT), AT).serving(tls=context) as simulator:
        simulator.publish(mitigation())
        yield simulator


def test_tls_is_verified(secured: Simulator) -> None:
    """An authority that nobody trusts here is refused, with the remedy."""
    with closing(HttpSource(secured.url)) as source, pytest.raises(TlsFailedError, match="--tls-ca"):
        source.feed(PATH, etag=None)


def test_a_private_authority_may_be_trusted(secured: Simulator, certificate: Path) -> None:
    """By its own file, for this agent alone."""
    with closing(HttpSource(secured.url, tls_ca=str(certificate))) as source:
        answer = source.feed(PATH, etag=None)

    assert answer is not None
    assert answer.data == secured.files[FEED]


def test_a_secured_server_is_cut_off_too(secured: Simulator, certificate: Path) -> None:
    """TLS is no way around the time that a request has."""
    secured.lie(FEED, Answer(drip=0.01, drips_headers=True))
    longest = timedelta(seconds=0.5)

    with (
        closing(HttpSource(secured.url, tls_ca=str(certificate), longest=longest)) as source,
        pytest.raises(TooSlowError, match="cut off"),
    ):
        source.feed(PATH, etag=None)


def test_a_server_that_falls_silent_is_named(publisher: Simulator) -> None:
    """The silence is bounded, not only the whole."""
    publisher.lie(FEED, Answer(b"<<<<", drip=1.0))

    with (
        closing(HttpSource(publisher.url, timeout=timedelta(seconds=0.2))) as source,
        pytest.raises(TooSlowError, match="nothing came for"),
    ):
        source.feed(PATH, etag=None)


def test_a_proxy_is_used(publisher: Simulator) -> None:
    """The name is never looked up here: the proxy is asked for the whole address."""
    address = "http://mitigations.invalid"
    publisher.files[address + FEED] = publisher.files[FEED]

    with closing(HttpSource(address, proxy=publisher.url)) as source:
        answer = source.feed(PATH, etag=None)

    assert answer is not None
    assert publisher.paths == [address + FEED]


def test_the_proxy_of_the_environment_is_used(publisher: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """As every other program of the system does."""
    address = "http://mitigations.invalid"
    publisher.files[address + FEED] = publisher.files[FEED]
    monkeypatch.setenv("http_proxy", publisher.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    with closing(HttpSource(address)) as source:
        assert source.feed(PATH, etag=None) is not None


def test_a_proxy_that_is_away_is_named(publisher: Simulator) -> None:
    """The message says that it is the proxy."""
    with (
        closing(HttpSource(publisher.url, proxy="http://127.0.0.1:9")) as source,
        pytest.raises(UnreachableError, match="proxy"),
    ):
        source.feed(PATH, etag=None)


@pytest.mark.parametrize(
    "path", ["http://elsewhere.example/x", "//elsewhere.example/x", "/x", "../x", "../../etc/passwd"]
)
def test_nothing_outside_of_the_publisher_is_fetched(publisher: Simulator, path: str) -> None:
    """Whatever a document names."""
    with (
        closing(HttpSource(publisher.url)) as source,
        pytest.raises(RedirectedError, match="leads outside"),
    ):
        source.document(path, max_bytes=10)

    assert publisher.requests == []
