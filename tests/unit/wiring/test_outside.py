"""Real servers that answer well, badly, slowly or not at all: each failure is named by its step."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from feedsrv.clock import now
from feedsrv.publishing.watching.ports import UnreachedError
from feedsrv.wiring import outside
from feedsrv.wiring.outside import Bounded, HttpClocks, HttpPublic
from tests.pki import key, pem_of

BODY = b"published"
Answer = Callable[[BaseHTTPRequestHandler], None]


def send(request: BaseHTTPRequestHandler, status: int = 200, body: bytes = BODY, **headers: str) -> None:
    """An answer with these headers; `Content_Length` is `Content-Length`."""
    request.send_response_only(status)
    named = {"Content_Length": str(len(body)), "Date": format_datetime(datetime.now(UTC), usegmt=True)}
    for name, value in {**named, **headers}.items():
        if value:
            request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(body)


@contextmanager
def serving(answer: Answer, *, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The address of a server that answers like this."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        do_HEAD = do_GET  # noqa: N815 -- the library's name

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
            """Nothing is written."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that goes away is expected here
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def fetch(url: str, path: str = "v1/x", *, max_bytes: int = 1000) -> bytes:
    """Ask a public URL."""
    public = HttpPublic(url, now)
    try:
        return public.fetch(path, max_bytes=max_bytes)
    finally:
        public.close()


def failing(url: str, path: str = "v1/x") -> UnreachedError:
    """How fetching from there fails."""
    with pytest.raises(UnreachedError) as refused:
        fetch(url, path)
    return refused.value


def test_what_lies_there_is_fetched_and_the_clock_is_read() -> None:
    """In one request."""
    asked: list[tuple[str, str]] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        asked.append((request.path, request.headers["Accept-Encoding"]))
        send(request)

    with serving(answer) as url:
        public = HttpPublic(f"{url}/below", now)
        body = public.fetch("v1/x", max_bytes=1000)
        public.close()

    assert body == BODY
    assert asked == [("/below/v1/x", "identity")]
    assert public.clock is not None
    assert public.clock.ahead is not None
    assert abs(public.clock.ahead) < timedelta(seconds=30)


def test_a_name_that_nobody_knows_fails_at_dns() -> None:
    """RFC 2606 promises that there is none."""
    refused = failing("http://feeds.invalid")

    assert refused.step == "DNS"
    assert "http://feeds.invalid/v1/x" in refused.why


def test_a_port_that_nobody_listens_on_fails_at_the_connection() -> None:
    """With the system's word for it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    refused = failing(f"http://127.0.0.1:{port}")

    assert refused.step == "connection"
    assert "refused" in refused.why


def test_a_server_without_tls_fails_at_tls() -> None:
    """Plain HTTP behind an https address."""
    with serving(send) as url:
        assert failing(url.replace("http:", "https:")).step == "TLS"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda request: send(request, 404), "answered 404"),
        (lambda request: send(request, 500), "answered 500"),
        (lambda request: send(request, body=b"x" * 1001), "is larger than 1000 bytes"),
        (lambda request: send(request, Content_Length="20"), "9"),
        (lambda request: request.wfile.write(b"NOT HTTP\r\n\r\n"), "v1/x"),
        (lambda request: send(request, 302, Location="https://elsewhere.example/"), "redirects to"),
        (lambda request: send(request, 302, Location="/v1/x"), "redirects more than 3 times"),
        (lambda request: send(request, 302), "answered 302"),
    ],
    ids=["404", "500", "too large", "broken off", "no HTTP", "elsewhere", "in circles", "nowhere"],
)
def test_an_answer_that_is_of_no_use_is_named(answer: Answer, why: str) -> None:
    """The server answers, and not with what was published."""
    with serving(answer) as url:
        refused = failing(url)

    assert refused.step in {"HTTP", "connection"}
    assert why in refused.why


def test_a_redirect_within_the_same_host_is_followed() -> None:
    """As agents do."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.path == "/v1/x":
            send(request, 302, b"", Location="/v2/x")
        else:
            send(request)

    with serving(answer) as url:
        assert fetch(url) == BODY


def test_a_server_that_asks_to_come_back_later_is_asked_again() -> None:
    """A look asks faster than agents do, and a limit on requests is no failure of theirs."""
    statuses = [429, 429, 200]

    with serving(lambda request: send(request, statuses.pop(0), Retry_After="0")) as url:
        assert fetch(url) == BODY

    assert statuses == []


def test_a_server_that_asks_for_ever_to_come_back_later_is_given_up() -> None:
    """When the time of the look is over."""
    with serving(lambda request: send(request, 429)) as url:
        public = HttpPublic(url, now, longest=0.3)
        with pytest.raises(UnreachedError) as refused:
            public.fetch("v1/x", max_bytes=1000)
        public.close()

    assert refused.value.step == "time"


def test_a_path_that_leads_outside_is_not_asked_for() -> None:
    """A list of paths is not signed, and may say anything."""
    assert failing("http://127.0.0.1:9", "//elsewhere.example/x").step == "trust files"
    assert failing("http://127.0.0.1:9/below", "../x").step == "trust files"


def test_who_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor who sends a byte now and then."""
    monkeypatch.setattr(outside, "SILENCE", 0.2)
    go_on = threading.Event()

    def answer(request: BaseHTTPRequestHandler) -> None:
        go_on.wait(30)

    with serving(answer) as url:
        refused = failing(url)
        go_on.set()

    assert refused.step == "HTTP"
    assert "nothing came" in refused.why


def test_all_of_a_look_ends_in_time() -> None:
    """However much there is to fetch, and however slowly it comes."""
    with serving(send) as url:
        public = HttpPublic(url, now, longest=0.0)
        with pytest.raises(UnreachedError) as refused:
            public.fetch("v1/x", max_bytes=1000)
        public.close()

    assert refused.value.step == "time"


@dataclass(frozen=True)
class Secured:
    """A web server's certificate, signed by itself."""

    context: ssl.SSLContext
    certificate: x509.Certificate
    file: Path


def secured(folder: Path, *, ends: timedelta) -> Secured:
    """For 127.0.0.1, as of now."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = key("web", "p256")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(made.public_key())
        .serial_number(7)
        .not_valid_before(now() - timedelta(days=90))
        .not_valid_after(now() + ends)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(made, hashes.SHA256())
    )
    file = folder / "web.pem"
    file.write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "web.key").write_bytes(pem_of(made))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, folder / "web.key")
    return Secured(context, certificate, file)


def test_tls_is_verified_and_other_authorities_can_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As agents verify it; the certificate is had either way."""
    web = secured(tmp_path, ends=timedelta(days=30))

    with serving(send, tls=web.context) as url:
        stranger = failing(url)
        seen = HttpPublic(url, now).certificate()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(web.file))
        body = fetch(url)

    assert stranger.step == "TLS"
    assert seen == web.certificate
    assert body == BODY


def test_an_ended_certificate_is_had_though_nobody_believes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it can be said when it ended."""
    web = secured(tmp_path, ends=timedelta(days=-1))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(web.file))

    with serving(send, tls=web.context) as url:
        refused = failing(url)
        seen = HttpPublic(url, now).certificate()

    assert refused.step == "TLS"
    assert "expired" in refused.why
    assert seen == web.certificate


def test_without_tls_there_is_no_certificate() -> None:
    """Nor where nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert HttpPublic("http://127.0.0.1:9", now).certificate() is None
    assert HttpPublic(f"https://127.0.0.1:{port}", now).certificate() is None


def test_clocks_are_read_from_whatever_answer_there_is() -> None:
    """A 404 knows the time as well as a page does; an answer from a cache says how old it is."""
    ten_ago = format_datetime(datetime.now(UTC) - timedelta(minutes=10), usegmt=True)

    with (
        serving(lambda request: send(request, 404)) as missing,
        serving(lambda request: send(request, Date=ten_ago)) as behind,
        serving(lambda request: send(request, Date=ten_ago, Age="600")) as cached,
        serving(lambda request: send(request, Date="")) as silent,
        serving(lambda request: send(request, Date="yesterday")) as odd,
    ):
        seen = HttpClocks((missing, behind, cached, silent, odd, "http://feeds.invalid"), now).ask()

    minutes = [None if one.ahead is None else round(one.ahead.total_seconds() / 60) for one in seen]
    assert minutes == [0, 10, 0, None, None, None]
    assert [one.why.partition(":")[0] for one in seen[3:]] == [
        "its answer has no Date",
        "its answer has no Date",
        "DNS",
    ]


def test_what_takes_too_long_is_given_up() -> None:
    """And does not keep the process from ending."""
    go_on = threading.Event()

    slow = Bounded(lambda: go_on.wait(30))
    too_soon = slow.outcome(0.01)
    go_on.set()

    assert too_soon is None
    assert not slow.is_lost
    assert slow.outcome(30) is True
