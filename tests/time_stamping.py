"""A real time-stamping authority for tests: a small HTTP server in front of `openssl ts -reply`.

`StampingAuthority(folder).serving()` answers on a port of this machine. What it answers, and with which
certificate, can be changed by name, since most of what can go wrong does so at the other end.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.signing.issuing import Authority, issue
from feedsrv.trust.profile import Role
from tests.authorities import make_root, usage_of
from tests.pki import key, pem_of

POLICY: Final = x509.ObjectIdentifier("1.2.840.113556.1.8000.2554.7.1")
OTHER_POLICY: Final = x509.ObjectIdentifier("1.2.840.113556.1.8000.2554.7.2")
REPLY: Final = "application/timestamp-reply"

_CONFIGURATION: Final = """
[tsa]
serial = serial
default_policy = {policy}
other_policies = {other}
digests = sha256, sha384, sha512
signer_digest = {signer_digest}
ess_cert_id_alg = {certificate_digest}
accuracy = secs:1
tsa_name = yes
ess_cert_id_chain = no
"""


@dataclass
class StampingAuthority:
    """A root, and time-stamping certificates below it by name; all share the key `tsa`."""

    folder: Path
    root: Authority = field(default_factory=lambda: make_root("stamping root", now=_long_ago()))
    certificates: dict[str, x509.Certificate] = field(default_factory=dict)
    signer_digest: str = "sha256"
    certificate_digest: str = "sha256"
    chain: tuple[x509.Certificate, ...] = ()
    """Further certificates for the token, in OpenSSL's order, which is not that of DER."""

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "serial").write_text("01")
        (self.folder / "tsa.key").write_bytes(pem_of(key("tsa", "rsa2048")))
        self.add("good", self._issue())
        ended = self._issue(now=_now() - timedelta(days=20), lifetime=timedelta(days=10))
        self.add("ended", ended)

    def add(self, name: str, certificate: x509.Certificate) -> None:
        """A further certificate to stamp with; its key is `tsa`."""
        self.certificates[name] = certificate
        (self.folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))

    @property
    def anchors(self) -> tuple[x509.Certificate, ...]:
        """What it is believed by."""
        return (self.root.certificate,)

    def reply(self, query: bytes, *, by: str = "good") -> bytes:
        """What openssl answers to a query, with the certificate of that name."""
        (self.folder / "query.tsq").write_bytes(query)
        (self.folder / "tsa.cnf").write_text(
            _CONFIGURATION.format(
                policy=POLICY.dotted_string,
                other=OTHER_POLICY.dotted_string,
                signer_digest=self.signer_digest,
                certificate_digest=self.certificate_digest,
            )
        )
        chain: list[str] = []
        if self.chain:
            chain = ["-chain", "chain.pem"]
            held = b"".join(one.public_bytes(Encoding.PEM) for one in self.chain)
            (self.folder / "chain.pem").write_bytes(held)
        return self._openssl(
            *("ts", "-reply", "-queryfile", "query.tsq", "-config", "tsa.cnf", "-section", "tsa"),
            *("-signer", f"{by}.pem", "-inkey", "tsa.key", *chain, "-out", "answer"),
        )

    def reply_by_hand(self, query: bytes, *, by: str) -> bytes:
        """The same made by `openssl cms`, which stamps with certificates that `openssl ts` refuses."""
        granted: Any = tsp.TimeStampResp.load(self.reply(query))
        (self.folder / "content").write_bytes(
            granted["time_stamp_token"]["content"]["encap_content_info"]["content"].contents
        )
        token = self._openssl(
            *("cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-cades", "-md", "sha256"),
            *("-econtent_type", "1.2.840.113549.1.9.16.1.4", "-in", "content", "-outform", "DER"),
            *("-signer", f"{by}.pem", "-inkey", "tsa.key", "-out", "answer"),
        )
        return answer_of(token)

    def verify(self, token: bytes, data: bytes) -> str:
        """What `openssl ts -verify` says of a token."""
        for name, content in (("token", token), ("data", data)):
            (self.folder / name).write_bytes(content)
        (self.folder / "root.pem").write_bytes(self.root.certificate.public_bytes(Encoding.PEM))
        done = subprocess.run(
            ["openssl", "ts", "-verify", "-token_in", "-in", "token", "-data", "data", "-CAfile", "root.pem"],
            cwd=self.folder,
            capture_output=True,
            check=False,
        )
        return (done.stdout + done.stderr).decode()

    @contextmanager
    def serving(self, answer: Callable[[bytes], Answer] | None = None) -> Iterator[Served]:
        """An HTTP server that answers queries as the authority does, or as is said."""
        served = Served(answer or (lambda query: Answer(self.reply(query))))
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(served))
        server.daemon_threads = True
        served.url = f"http://127.0.0.1:{server.server_port}/tsr"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield served
        finally:
            served.over.set()
            server.shutdown()
            server.server_close()
            thread.join()

    def _issue(
        self, *, now: datetime | None = None, lifetime: timedelta = timedelta(days=365)
    ) -> x509.Certificate:
        public_key = key("tsa", "rsa2048").public_key()
        return issue(
            *(Role.TIME_STAMPING, public_key, self.root),
            organisation="Example Time",
            now=now or _now(),
            lifetime=lifetime,
        )

    def _openssl(self, *arguments: str) -> bytes:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)
        return (self.folder / "answer").read_bytes()


@dataclass(frozen=True)
class Answer:
    """What the server sends."""

    content: bytes
    status: int = HTTPStatus.OK
    kind: str = REPLY
    headers: tuple[tuple[str, str], ...] = ()
    hangs: bool = False
    """True where it sends nothing before the server is stopped."""
    trickles: bool = False
    """True where it sends a byte now and then, and never comes to an end."""


@dataclass
class Served:
    """A server that runs, and what it was asked."""

    answer: Callable[[bytes], Answer]
    url: str = ""
    queries: list[bytes] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


def _handler(served: Served) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            served.queries.append(query)
            answer = served.answer(query)
            if answer.hangs:
                served.over.wait()
                return
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            for name, value in answer.headers:
                self.send_header(name, value)
            if answer.trickles:
                self._trickle()
                return
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def _trickle(self) -> None:
            try:
                self.wfile.write(b"X-More: ")
                while not served.over.wait(0.02):
                    self.wfile.write(b".")
                    self.wfile.flush()
            except OSError:
                return  # whoever asked has gone

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def query_for(data: bytes, *, nonce: int = 7) -> bytes:
    """A query such as anybody sends."""
    fields = {
        "version": "v1",
        "message_imprint": {
            "hash_algorithm": {"algorithm": "sha256"},
            "hashed_message": sha256(data).digest(),
        },
        "nonce": nonce,
        "cert_req": True,
    }
    encoded: bytes = tsp.TimeStampReq(fields).dump()
    return encoded


def nonce_in(query: bytes) -> int:
    """The number that a query was sent with."""
    read: Any = tsp.TimeStampReq.load(query)
    nonce: int = read["nonce"].native
    return nonce


def answer_of(token: bytes, status: str = "granted") -> bytes:
    """An authority's whole answer around a token."""
    answer: Any = tsp.TimeStampResp(
        {"status": {"status": status}, "time_stamp_token": cms.ContentInfo.load(token)}
    )
    encoded: bytes = answer.dump()
    return encoded


def token_of(answer: bytes) -> bytes:
    """The token in an authority's answer."""
    read: Any = tsp.TimeStampResp.load(answer)
    encoded: bytes = read["time_stamp_token"].dump()
    return encoded


def refusal(words: str, failure: str) -> bytes:
    """An authority's answer that it makes no token."""
    status = {"status": "rejection", "status_string": [words], "fail_info": {failure}}
    encoded: bytes = tsp.PKIStatusInfo(status).dump()
    return bytes([0x30, len(encoded)]) + encoded


def ca_between(
    root: Authority, usages: list[x509.ObjectIdentifier] | None = None, *, days: int = 99
) -> Authority:
    """A CA below that root for so many days, limited to those usages, or to none."""
    own = key("between", "rsa2048")
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Between")]))
        .issuer_name(root.certificate.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - timedelta(days=9))
        .not_valid_after(_now() + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage_of("key_cert_sign", "crl_sign"), critical=True)
    )
    if usages is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    return Authority(builder.sign(root.private_key, hashes.SHA256()), own)


def certificate_for_tsa(
    root: Authority,
    usages: list[x509.ObjectIdentifier],
    *,
    critical: bool = True,
    usage: str = "digital_signature",
    number: int | None = None,
) -> x509.Certificate:
    """A certificate for the key `tsa`, as the profile does not have it."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Careless Time")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(root.certificate.subject)
        .public_key(key("tsa", "rsa2048").public_key())
        .serial_number(number or x509.random_serial_number())
        .not_valid_before(_now() - timedelta(days=1))
        .not_valid_after(_now() + timedelta(days=99))
        .add_extension(usage_of(usage), critical=True)
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=critical)
    return builder.sign(root.private_key, hashes.SHA256())


def _now() -> datetime:
    # openssl stamps with this machine's time, so the certificates must go by it, too.
    return datetime.now(UTC).replace(microsecond=0)


def _long_ago() -> datetime:
    return _now() - timedelta(days=1000)
