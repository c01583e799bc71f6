"""A key in AWS KMS, which signs and never leaves it.

Credentials come by the usual AWS chain; nothing of them is ever asked for here. Every call is back within
the URI's timeout, however slow the name service, the credentials or the answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from feedsrv.errors import FeedsrvError
from feedsrv.signing.elsewhere import stand_in
from feedsrv.signing.kms_refusals import refusal
from feedsrv.signing.kms_uri import FORM, KmsUri, read_kms_uri
from feedsrv.signing.places import SignerUriError
from feedsrv.signing.signer import (
    KeyAwayError,
    KeyExistsError,
    KeyKindError,
    KeyMissingError,
    KeyNotAllowedError,
    NotExportableError,
    NotStorableError,
    OpenedKey,
    PrivateKey,
)
from feedsrv.signing.waiting import within
from feedsrv.trust.profile import KeyKind

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_kms.literals import KeySpecType, SigningAlgorithmSpecType
    from mypy_boto3_kms.type_defs import GetPublicKeyResponseTypeDef

log: Final = logging.getLogger(__name__)

_Value = TypeVar("_Value")

_SPECS: Final[Mapping[KeyKind, KeySpecType]] = MappingProxyType(
    {KeyKind.RSA_3072: "RSA_3072", KeyKind.RSA_4096: "RSA_4096", KeyKind.P_256: "ECC_NIST_P256"}
)
_MOST_RAW_BYTES: Final = 4096
"""What the service takes whole; of more it takes the digest."""
_ATTEMPTS: Final = 3
_DESCRIPTION: Final = "Signs for feedsrv"


@dataclass(frozen=True, slots=True)
class KmsPlace:
    """One key of the service, by name. Nothing is asked before a method is called."""

    uri: KmsUri

    @property
    def description(self) -> str:
        """For people."""
        return self.uri.description

    @property
    def chain(self) -> Path | None:
        """The file of the certificates, where the URI names one."""
        return self.uri.chain

    def open(self) -> OpenedKey:
        """Fetch the public key.

        Raises:
            SigningError: one class for each reason; see `kms_refusals`.
            KeyAwayError: the service is not reached, or too busy.
        """
        service = _Service(self, attempts=_ATTEMPTS)
        answer = service.ask("kms:GetPublicKey", lambda client: client.get_public_key(KeyId=self.uri.key))
        return _opened(self, service, answer)

    def create(self, kind: KeyKind, *, exportable: bool) -> OpenedKey:
        """Make a key, and give it the alias that the URI names.

        Raises:
            NotExportableError: it was to be exportable.
            KeyExistsError: there is such an alias.
            SigningError, KeyAwayError: as `open` does.
        """
        name, spec = self.description, _SPECS.get(kind)
        if exportable:
            raise NotExportableError(f"{name}: keys never leave this service; ask for one that stays")
        if spec is None:
            raise KeyKindError(
                f"{name}: this service does not sign by {kind} and SHA-256; ask for p-256 or RSA"
            )
        if not self.uri.key.startswith("alias/"):
            raise SignerUriError(f"{name}: a new key is named by its alias; write {FORM}")
        # One attempt: a service asked twice for a key makes two, and only one of them gets the name.
        service = _Service(self, attempts=1)
        try:
            service.ask("kms:DescribeKey", lambda client: client.describe_key(KeyId=self.uri.key))
        except KeyMissingError:
            pass
        else:
            raise KeyExistsError(
                f"{name}: there is such an alias already, and a key is never overwritten; name another alias"
            )
        made = service.ask(
            "kms:CreateKey",
            lambda client: client.create_key(
                KeySpec=spec, KeyUsage="SIGN_VERIFY", Description=f"{_DESCRIPTION}: {self.uri.key}"[:8192]
            ),
        )["KeyMetadata"]["KeyId"]
        try:
            service.ask(
                "kms:CreateAlias",
                lambda client: client.create_alias(AliasName=self.uri.key, TargetKeyId=made),
            )
        except FeedsrvError:
            # Nobody would find it again, and every key costs something.
            try:
                service.ask(
                    "kms:ScheduleKeyDeletion",
                    lambda client: client.schedule_key_deletion(KeyId=made, PendingWindowInDays=7),
                )
            except FeedsrvError as error:
                log.warning("key.left_over", extra={"key": made, "place": name, "why": str(error)})
            raise
        # By its id: a new alias is not known everywhere at once.
        answer = service.ask("kms:GetPublicKey", lambda client: client.get_public_key(KeyId=made))
        return _opened(self, service, answer)

    def store(self, _private_key: PrivateKey, /) -> NoReturn:
        """Refused: what was outside once is no safer inside."""
        raise NotStorableError(
            f"{self.description}: a key that was outside the service is no safer inside; "
            "make one there, and have that certified"
        )

    def export(self, _passphrase: bytes | None) -> NoReturn:
        """Refused: no key leaves the service."""
        raise NotExportableError(
            f"{self.description}: keys never leave this service; make another where one is needed elsewhere"
        )


def read_place(uri: str) -> KmsPlace:
    """Read a URI.

    Raises:
        SignerUriError: not of the form.
    """
    return KmsPlace(read_kms_uri(uri))


class _Service:
    """The service, asked by boto3; what it raises becomes a refusal."""

    def __init__(self, place: KmsPlace, *, attempts: int) -> None:
        self._uri = place.uri
        self._name = place.description
        self._attempts = attempts
        self._client: KMSClient | None = None

    def ask(self, action: str, call: Callable[[KMSClient], _Value]) -> _Value:
        """What the service answers. `action` is the right that it asks for, as IAM calls it.

        Raises:
            SigningError, KeyAwayError: it refused, or did not answer in time.
        """
        try:
            return within(self._uri.timeout, lambda: call(self._connected()), name="kms")
        except TimeoutError:
            raise KeyAwayError(
                f"{self._name}: the service did not answer within {self._uri.timeout:g} seconds; see whether "
                "this machine may go there, then try again"
            ) from None
        except (BotoCoreError, ClientError) as error:
            # Not as its cause: a traceback would show what the library says of credentials.
            raise refusal(error, name=self._name, action=action) from None

    def _connected(self) -> KMSClient:
        if self._client is None:
            # The attempts together stay below the timeout, and the library waits between them.
            patience = self._uri.timeout / (self._attempts + 1)
            self._client = boto3.session.Session().client(
                "kms",
                region_name=self._uri.region,
                endpoint_url=self._uri.endpoint,
                config=Config(
                    connect_timeout=patience,
                    read_timeout=patience,
                    retries={"mode": "standard", "total_max_attempts": self._attempts},
                ),
            )
        return self._client


def _opened(place: KmsPlace, service: _Service, answer: GetPublicKeyResponseTypeDef) -> OpenedKey:
    name = place.description
    if answer.get("KeyUsage") != "SIGN_VERIFY":
        raise KeyNotAllowedError(
            f"{name}: the key was made for {answer.get('KeyUsage')}; make one for SIGN_VERIFY, and name that"
        )
    try:
        public = load_der_public_key(answer["PublicKey"])
    except ValueError:
        public = None
    algorithm = _algorithm(public)
    if algorithm is None:
        raise KeyKindError(
            f"{name}: a key of the kind {answer.get('KeySpec')} does not sign by SHA-256 here; "
            "name an RSA key, or one on P-256"
        )
    # An alias may be given to another key at any time; this one's public key was just read.
    key_id = answer["KeyId"]

    def sign_it(data: bytes) -> bytes:
        raw = len(data) <= _MOST_RAW_BYTES
        return service.ask(
            "kms:Sign",
            lambda client: client.sign(
                KeyId=key_id,
                Message=data if raw else sha256(data).digest(),
                MessageType="RAW" if raw else "DIGEST",
                SigningAlgorithm=algorithm,
            ),
        )["Signature"]

    return OpenedKey(name, stand_in(public, sign_it, name=name))


def _algorithm(public: object) -> SigningAlgorithmSpecType | None:
    if isinstance(public, rsa.RSAPublicKey):
        return "RSASSA_PKCS1_V1_5_SHA_256"
    if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1):
        return "ECDSA_SHA_256"
    return None
