"""What signing needs of a key, wherever it lives, and the refusals of everything in this room."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from feedsrv.errors import OperatorError

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey
"""Real, or a stand-in for a key that never leaves its module and can only `sign`."""


class SigningError(OperatorError):
    """A document could not be signed; nothing was published."""

    code = "signing"


class Signer(Protocol):
    """A key and its certificates. It does not know what it signs."""

    @property
    def name(self) -> str:
        """For logs and people; never holds a secret."""

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """The signer's certificate, then its issuers in order, without the root."""

    @property
    def private_key(self) -> PrivateKey:
        """What signs."""


def ends(signer: Signer) -> datetime:
    """When the first certificate of the signer's chain ends; nothing it signs is believed after that."""
    return min(one.not_valid_after_utc for one in signer.chain)
