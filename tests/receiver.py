"""A program that is sent notices: a real server, well behaved or not."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from feedsrv.clock import now
from tests.pki import pem_of
from tests.recipes import key

Manner = Literal["answers", "hangs", "trickles", "talks nonsense"]
NAME: Final = "hooks.example.org"
"""Whom the certificate of `certificate_for` is for."""


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    """By name in lower case."""
    body: bytes


@dataclass
class Receiver:
    """How it answers, and what it was sent; a test may change the one and read the other."""

    status: int = HTTPStatus.NO_CONTENT
    location: str = ""
    manner: Manner = "answers"
    port: int = 0
    received: list[Received] = field(default_factory=list)
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """One more for each request."""
    over: threading.Event = field(default_factory=threading.Event)

    def url(self, host: str = "127.0.0.1", *, scheme: str = "http") -> str:
        """Its address, under any name that leads there."""
        return f"{scheme}://{host}:{self.port}/hook?team=1"

    def wait(self) -> None:
        """Until it was sent one thing more."""
        assert self.arrived.acquire(timeout=20)

    @contextmanager
    def serving(self, *, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
        """Serve on this machine."""
        server = _Server(self)
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.over.set()
            server.shutdown()
            server.server_close()
            thread.join()


def certificate_for(folder: Path, *, name: str = NAME) -> tuple[ssl.SSLContext, Path]:
    """What a server needs to be called so, and the file of the authority that vouches for it."""
    title = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = key("web", "p256")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(title)
        .issuer_name(title)
        .public_key(made.public_key())
        .serial_number(7)
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(made, hashes.SHA256())
    )
    file = folder / "hooks.pem"
    file.write_bytes(certificate.public_bytes(Encoding.PEM) + pem_of(made))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, file


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, receiver: Receiver) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.receiver = receiver

    def handle_error(self, *_: object) -> None:
        """Whoever does not believe us hangs up; that is theirs to tell."""


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.receiver.received.append(Received(self.path, headers, body))
        self.receiver.arrived.release()
        match self.receiver.manner:
            case "hangs":
                self.receiver.over.wait()
            case "trickles":
                self._trickle()
            case "talks nonsense":
                self.wfile.write(b"\x00\xff" * 50_000)
            case "answers":
                self._answer()

    @property
    def receiver(self) -> Receiver:
        assert isinstance(self.server, _Server)
        return self.server.receiver

    def _answer(self) -> None:
        self.send_response(self.receiver.status)
        if self.receiver.location:
            self.send_header("Location", self.receiver.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _trickle(self) -> None:
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-More: ")
            while not self.receiver.over.wait(0.02):
                self.wfile.write(b".")
                self.wfile.flush()
        except OSError:
            return  # whoever asked has gone

    def log_message(self, *_: object) -> None:
        """Say nothing."""
