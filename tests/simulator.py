"""A publisher in memory, over real HTTP on loopback, that can also lie.

Documents are signed with `tests.pki`. Every answer can be replaced by a lie: an old version, half
a document, a web page, an error, nothing at all.
"""

from __future__ import annotations

import io
import json
import ssl
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.codec.feed import write_feed
from feedsrv.codec.mitigation import write_mitigation
from feedsrv.model.feed import (
    Announcement,
    Entry,
    EntryState,
    Feed,
    Poll,
    digest_of,
    feed_path,
    mitigation_path,
)
from feedsrv.model.mitigation import Mitigation, Status
from feedsrv.trust.profile import Kind
from tests.pki import Pki, TestSigner
from tests.unchecked import sign_unchecked

PRODUCT: Final = "exchange-2019"
CHANNEL: Final = "production"
FEED: Final = "/v1/" + feed_path(PRODUCT, CHANNEL)


@dataclass(frozen=True)
class Answer:
    """What is sent for a request; the defaults are an honest answer."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/xml"})
    announced: int | None = None
    """`Content-Length`, where it is not the length of what is sent."""
    silent: bool = False
    """Close the connection without a word."""
    drip: float = 0.0
    """Seconds between two bytes."""
    drips_headers: bool = False
    """Begin dripping before the headers are whole, and never come to their end."""


@dataclass
class Simulator:
    """One product and channel. `files` is what an honest server holds, `lies` what is answered instead."""

    pki: Pki
    at: datetime
    product: str = PRODUCT
    channel: str = CHANNEL
    lifetime: timedelta = timedelta(days=7)
    poll: Poll = field(default_factory=Poll)
    files: dict[str, bytes] = field(default_factory=dict)
    lies: dict[str, Answer] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Method, path and headers of each request, in order."""
    versions: list[bytes] = field(default_factory=list)
    announced: tuple[Announcement, ...] = ()
    """In every feed that is published from now on."""
    signers: dict[Kind, TestSigner] = field(default_factory=dict)
    """Who signs each kind, where that is another one than the usual."""
    url: str = ""

    # -- publishing ---------------------------------------------------------------------------

    def publish(
        self,
        *mitigations: Mitigation,
        rollout: Mapping[str, int] | None = None,
        issued: datetime | None = None,
        expires: datetime | None = None,
        bad: str | None = None,
        version: int | None = None,
    ) -> Feed:
        """Publish the next feed version with these mitigations; `bad` names a wrong chain for the feed."""
        entries = []
        for mitigation in sorted(mitigations, key=lambda one: one.id):
            data = self.put_mitigation(mitigation)
            percent = (rollout or {}).get(mitigation.id, 100)
            entries.append(entry_of(mitigation, data, percent))
        began = issued or self.at
        feed = Feed(
            self.product,
            self.channel,
            version or len(self.versions) + 1,
            began,
            expires or began + self.lifetime,
            digest_of(self.versions[-1]) if self.versions else None,
            tuple(entries),
            self.poll,
            self.announced,
        )
        self.put_feed(feed, bad=bad)
        return feed

    def put_feed(self, feed: Feed, *, bad: str | None = None) -> bytes:
        """Serve this very feed as the current one, whatever it says."""
        signer = self.signers.get(Kind.FEED)
        data = self.pki.sign_feed(feed, bad) if signer is None else sign_by(write_feed(feed), signer)
        self.versions.append(data)
        self.files["/v1/" + feed_path(self.product, self.channel)] = data
        self.files["/v1/" + feed_path(self.product, self.channel, feed.version)] = data
        return data

    def put_mitigation(self, mitigation: Mitigation, *, bad: str | None = None) -> bytes:
        """Serve this revision; the same words give the same bytes."""
        signer, unsigned = self.signers.get(Kind.MITIGATION), write_mitigation(mitigation)
        data = self.pki.sign_mitigation(mitigation, bad) if signer is None else sign_by(unsigned, signer)
        self.files["/v1/" + mitigation_path(mitigation.id, mitigation.revision)] = data
        return data

    def put_crls(
        self,
        *,
        revoked: tuple[int, ...] = (),
        begins: timedelta = timedelta(days=-1),
        ends: timedelta = timedelta(days=30),
    ) -> None:
        """Serve revocation lists of both issuing CAs, and the policy that names them."""
        names = []
        for kind in Kind:
            key = self.pki.signer(kind).chain[1].public_key()
            named = x509.AuthorityKeyIdentifier.from_issuer_public_key(key)  # type: ignore[arg-type] # a CA's
            crl = self.pki.crl(kind, revoked=revoked, begins=begins, ends=ends, extra=[(named, False)])
            names.append(f"trust/crls/{kind}.crl")
            self.files[f"/v1/{names[-1]}"] = crl.public_bytes(Encoding.DER)
        self.files["/v1/trust/policy.json"] = json.dumps({"crls": names}).encode()

    def bundle(self) -> bytes:
        """Everything in one zip, as for a server without internet."""
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as file:
            for path, data in self.files.items():
                file.writestr(path.removeprefix("/"), data)
        return held.getvalue()

    # -- lying --------------------------------------------------------------------------------

    def replay(self, version: int) -> None:
        """Serve an old version as if it were the current one."""
        self.files[FEED] = self.versions[version - 1]

    def lie(self, path: str, answer: Answer) -> None:
        """Answer something else on this path from now on."""
        self.lies[path] = answer

    def be_honest(self) -> None:
        """Tell no more lies."""
        self.lies.clear()

    # -- serving ------------------------------------------------------------------------------

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer:
        """What is sent for a request."""
        if path in self.lies:
            return self.lies[path]
        body = self.files.get(path)
        if body is None:
            return Answer(b"<problem/>", 404)
        etag = f'"{digest_of(body)}"'
        if headers.get("If-None-Match") == etag:
            return Answer(status=304, headers={"ETag": etag})
        return Answer(body, headers={"Content-Type": "application/xml", "ETag": etag})

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [path for _, path, _ in self.requests]

    @contextmanager
    def serving(self, tls: ssl.SSLContext | None = None) -> Iterator[Self]:
        """Serve on a free port of loopback; `url` is where."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_address[1]}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def sign_by(unsigned: bytes, signer: TestSigner) -> bytes:
    """Sign by somebody whose certificates nobody has looked at."""
    return sign_unchecked(unsigned, signer.private_key, signer.chain)


def entry_of(mitigation: Mitigation, data: bytes, rollout: int = 100) -> Entry:
    """The honest line of a feed for a signed mitigation."""
    state = EntryState.WITHDRAWN if mitigation.status is Status.WITHDRAWN else EntryState.ACTIVE
    return Entry(mitigation.id, mitigation.revision, state, digest_of(data), len(data), rollout)


def _handler(simulator: Simulator) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            simulator.requests.append((self.command, self.path, dict(self.headers)))
            answer = simulator.answer(self.path, dict(self.headers))
            self.close_connection = True
            if answer.silent:
                return
            if answer.drips_headers:
                _drip(self.wfile, b"HTTP/1.1 200 OK\r\nX-Slow: " + b"." * 10_000, answer.drip)
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            length = len(answer.body) if answer.announced is None else answer.announced
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self._send(answer)

        def _send(self, answer: Answer) -> None:
            if answer.drip:
                _drip(self.wfile, answer.body, answer.drip)
            else:
                self.wfile.write(answer.body)

        def handle(self) -> None:
            # An agent that refuses a TLS certificate, or has had enough, ends the talk: that is its right.
            with suppress(OSError):
                super().handle()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing: the tests look at `requests`."""

    return Handler


def _drip(file: BufferedIOBase, content: bytes, seconds: float) -> None:
    for byte in content:
        try:
            file.write(bytes([byte]))
            file.flush()
        except OSError:
            return  # the agent has had enough
        time.sleep(seconds)
