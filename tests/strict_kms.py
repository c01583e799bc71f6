"""A small KMS over HTTP that refuses what the real one refuses and moto lets through.

Four things: a digest is signed as it is and never hashed again; RAW messages have at most 4096 bytes; a
digest has the length of its algorithm's; and a key that is disabled does not sign. Beside that it can
deny, throttle, hang and trickle on order. It speaks the service's JSON, and its keys are real.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from feedsrv.signing.signer import PrivateKey
from tests.modules import Kms, aws_credentials

_ALGORITHMS: Final = {
    "RSA_2048": "RSASSA_PKCS1_V1_5_SHA_256",
    "RSA_3072": "RSASSA_PKCS1_V1_5_SHA_256",
    "ECC_NIST_P256": "ECDSA_SHA_256",
    "ECC_NIST_P384": "ECDSA_SHA_384",
}


class RefusedError(Exception):
    """An answer with a status and a code."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass
class KmsKey:
    """A key of the service."""

    private_key: PrivateKey
    spec: str
    usage: str = "SIGN_VERIFY"
    state: str = "Enabled"
    arn: str = field(default_factory=lambda: f"arn:aws:kms:eu-central-1:123456789012:key/{uuid4()}")


@dataclass
class StrictKms:
    """What the server knows and does; a test changes it while it runs."""

    keys: dict[str, KmsKey] = field(default_factory=dict)
    """By alias; also found by ARN."""
    asked: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    """Every request: action and parameters."""
    trouble: dict[str, RefusedError] = field(default_factory=dict)
    """By action: the answer to every such request."""
    troubles_left: int | None = None
    """How many such answers are given; None for all."""
    silent: frozenset[str] = frozenset()
    """Actions that are never answered."""
    trickling: bool = False
    """Answers come byte by byte, and never end."""
    stopped: Event = field(default_factory=Event)

    def answer(self, action: str, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        """Do what is asked, or raise RefusedError."""
        self.asked.append((action, wanted))
        if action in self.silent:
            self.stopped.wait()
        if action in self.trouble and self.troubles_left != 0:
            if self.troubles_left is not None:
                self.troubles_left -= 1
            raise self.trouble[action]
        answers: dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {
            "GetPublicKey": self._get_public_key,
            "DescribeKey": lambda asked: {"KeyMetadata": {"KeyId": self._key(asked["KeyId"]).arn}},
            "Sign": self._sign,
            "CreateKey": self._create_key,
            "CreateAlias": self._create_alias,
            "ScheduleKeyDeletion": self._schedule_deletion,
        }
        return answers[action](wanted)

    def _key(self, name: str) -> KmsKey:
        found = self.keys.get(name) or next((one for one in self.keys.values() if one.arn == name), None)
        if found is None:
            raise RefusedError("NotFoundException", f"Key '{name}' does not exist")
        return found

    def _usable(self, name: str) -> KmsKey:
        key = self._key(name)
        if key.state == "Disabled":
            raise RefusedError("DisabledException", f"{key.arn} is disabled.")
        if key.state != "Enabled":
            raise RefusedError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
        return key

    def _get_public_key(self, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        key = self._usable(wanted["KeyId"])
        der = key.private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return {
            "KeyId": key.arn,
            "PublicKey": b64encode(der).decode(),
            "KeySpec": key.spec,
            "KeyUsage": key.usage,
            "SigningAlgorithms": [_ALGORITHMS[key.spec]],
        }

    def _sign(self, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        key = self._usable(wanted["KeyId"])
        message, algorithm = b64decode(wanted["Message"]), wanted["SigningAlgorithm"]
        if algorithm != _ALGORITHMS[key.spec]:
            raise RefusedError("InvalidKeyUsageException", f"{algorithm} does not fit {key.spec}")
        digest: Prehashed | SHA256 = SHA256()
        if wanted.get("MessageType", "RAW") == "DIGEST":
            if len(message) != 32:
                raise RefusedError(
                    "ValidationException", f"Digest is invalid length for algorithm {algorithm}."
                )
            digest = Prehashed(SHA256())
        elif len(message) > 4096:
            raise RefusedError(
                "ValidationException", "'message' failed to satisfy constraint: length at most 4096"
            )
        if isinstance(key.private_key, rsa.RSAPrivateKey):
            signature = key.private_key.sign(message, PKCS1v15(), digest)
        else:
            signature = key.private_key.sign(message, ec.ECDSA(digest))
        return {
            "KeyId": key.arn,
            "Signature": b64encode(signature).decode(),
            "SigningAlgorithm": algorithm,
        }

    def _create_key(self, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        spec = wanted["KeySpec"]
        made: PrivateKey = (
            ec.generate_private_key(ec.SECP256R1())
            if spec == "ECC_NIST_P256"
            else rsa.generate_private_key(65537, int(spec.removeprefix("RSA_")))
        )
        key = KmsKey(made, spec, wanted["KeyUsage"])
        self.keys[key.arn] = key
        return {"KeyMetadata": {"KeyId": key.arn, "Arn": key.arn}}

    def _create_alias(self, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        if wanted["AliasName"] in self.keys:
            raise RefusedError("AlreadyExistsException", f"An alias {wanted['AliasName']} already exists")
        self.keys[wanted["AliasName"]] = self._key(wanted["TargetKeyId"])
        return {}

    def _schedule_deletion(self, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        self._key(wanted["KeyId"]).state = "PendingDeletion"
        return {"KeyId": wanted["KeyId"]}


@contextmanager
def strict_kms() -> Iterator[tuple[Kms, StrictKms]]:
    """The server's address, and its insides; with credentials that it takes."""
    service = StrictKms()

    class Handler(BaseHTTPRequestHandler):
        """Speaks AWS JSON 1.1."""

        def do_POST(self) -> None:
            """Answer one request."""
            wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            action = self.headers["X-Amz-Target"].removeprefix("TrentService.")
            try:
                status, answer = 200, service.answer(action, wanted)
            except RefusedError as refused:
                status, answer = refused.status, {"__type": refused.code, "message": str(refused)}
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body) + (1 << 20) * service.trickling))
            self.end_headers()
            try:
                self.wfile.write(body[:1] if service.trickling else body)
                while service.trickling and not service.stopped.wait(0.05):
                    self.wfile.write(b" ")
            except OSError:
                return  # whoever asked has gone

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Nothing: the test looks at `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        with aws_credentials():
            yield Kms(f"http://127.0.0.1:{server.server_port}"), service
    finally:
        service.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()
