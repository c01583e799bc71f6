"""Stand-ins for private keys that live elsewhere: in a module or a service.

The libraries take them for keys, and ask no more of them than a signature and the public key. Whatever
comes back is verified before anybody uses it: a module or service may be wrong, or another one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from feedsrv.signing.signer import (
    KeyKindError,
    KeyOnlySignsError,
    NotExportableError,
    PrivateKey,
    SignatureUnsoundError,
)
from feedsrv.trust.profile import CURVES

SignIt = Callable[[bytes], bytes]
"""Signs data by SHA-256: PKCS #1 v1.5 for RSA, ECDSA in DER for elliptic curves."""


class _Elsewhere:
    """What both kinds of key have in common: a name, and what they refuse."""

    _name: str
    _sign_it: SignIt

    def __repr__(self) -> str:
        return f"<key of {self._name}>"

    def private_numbers(self) -> NoReturn:
        """Refused: the key cannot leave its place."""
        raise self._stays()

    def private_bytes(self, *_: object, **__: object) -> NoReturn:
        """Refused: the key cannot leave its place."""
        raise self._stays()

    def __reduce__(self) -> NoReturn:
        """Refused: the key cannot leave its place."""
        raise self._stays()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def _stays(self) -> NotExportableError:
        return NotExportableError(f"{self._name}: this key does not leave the place where it lives")

    def _only_signs(self, wanted: str) -> KeyOnlySignsError:
        return KeyOnlySignsError(
            f"{self._name}: this key signs by SHA-256 and does nothing else; not {wanted}"
        )

    def _unsound(self) -> SignatureUnsoundError:
        return SignatureUnsoundError(
            f"{self._name}: the signature that came back does not verify by the public key of the same "
            "place, and was thrown away; have the module or service looked after"
        )


class RsaElsewhere(_Elsewhere, rsa.RSAPrivateKey):
    """An RSA key that can only sign by PKCS #1 v1.5 and SHA-256."""

    def __init__(self, public_key: rsa.RSAPublicKey, sign_it: SignIt, *, name: str) -> None:
        self._public_key = public_key
        self._sign_it = sign_it
        self._name = name

    @property
    def key_size(self) -> int:
        """Bits of the modulus."""
        return self._public_key.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """The public key, as its place gave it."""
        return self._public_key

    def sign(self, data: bytes, padding: object, algorithm: object) -> bytes:
        """Have data signed, and verify the signature.

        Raises:
            KeyOnlySignsError: another padding or digest was asked for.
            SignatureUnsoundError: what came back does not verify.
            SigningError, KeyAwayError: the key's place refused, or did not answer.
        """
        if not (isinstance(padding, PKCS1v15) and isinstance(algorithm, SHA256)):
            raise self._only_signs("another padding or digest")
        signature = self._sign_it(data)
        try:
            self._public_key.verify(signature, data, PKCS1v15(), SHA256())
        except InvalidSignature:
            raise self._unsound() from None
        return signature

    def decrypt(self, *_: object, **__: object) -> NoReturn:
        """Refused."""
        raise self._only_signs("decryption")


class EllipticElsewhere(_Elsewhere, ec.EllipticCurvePrivateKey):
    """A key on an elliptic curve that can only sign by ECDSA and SHA-256."""

    def __init__(self, public_key: ec.EllipticCurvePublicKey, sign_it: SignIt, *, name: str) -> None:
        self._public_key = public_key
        self._sign_it = sign_it
        self._name = name

    @property
    def curve(self) -> ec.EllipticCurve:
        """The key's curve."""
        return self._public_key.curve

    @property
    def key_size(self) -> int:
        """Bits of the curve."""
        return self._public_key.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The public key, as its place gave it."""
        return self._public_key

    def sign(self, data: object, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """Have data signed, and verify the signature, which is DER.

        Raises:
            KeyOnlySignsError: another algorithm or digest was asked for.
            SignatureUnsoundError: what came back does not verify.
            SigningError, KeyAwayError: the key's place refused, or did not answer.
        """
        if not (
            isinstance(signature_algorithm, ec.ECDSA) and isinstance(signature_algorithm.algorithm, SHA256)
        ):
            raise self._only_signs("another algorithm or digest")
        whole = bytes(memoryview(data))  # type: ignore[arg-type]  # the library's own type for this is private
        signature = self._sign_it(whole)
        try:
            self._public_key.verify(signature, whole, ec.ECDSA(SHA256()))
        except InvalidSignature:
            raise self._unsound() from None
        return signature

    def exchange(self, *_: object, **__: object) -> NoReturn:
        """Refused."""
        raise self._only_signs("key agreement")


def stand_in(public_key: object, sign_it: SignIt, *, name: str) -> PrivateKey:
    """A stand-in for the private key of a public key, whose signatures `sign_it` fetches.

    Raises:
        KeyKindError: neither RSA nor a curve that documents and certificates may use.
    """
    if isinstance(public_key, rsa.RSAPublicKey):
        return RsaElsewhere(public_key, sign_it, name=name)
    if isinstance(public_key, ec.EllipticCurvePublicKey) and isinstance(public_key.curve, CURVES):
        return EllipticElsewhere(public_key, sign_it, name=name)
    raise KeyKindError(f"{name}: is neither an RSA key nor one on the curve P-256 or P-384; name another key")
