"""A key in a PKCS #11 token: a hardware module, a smart card, or a network service that looks like one.

The vendor's module runs in a child process (`pkcs11_process`), one for each opened key, which logs in once
and stays for a publication. A module that hangs is killed with it; the next signature begins anew.
"""

from __future__ import annotations

import os
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final, NoReturn

from asn1crypto import parser
from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_private_key

from feedsrv.errors import FeedsrvError
from feedsrv.signing.elsewhere import stand_in
from feedsrv.signing.key_files import pem_of, read_private, state_of
from feedsrv.signing.pkcs11_child import Child, ChildGoneError, ChildLateError
from feedsrv.signing.pkcs11_refusals import ModuleUnusableError, refusal
from feedsrv.signing.pkcs11_uri import FORM, Pkcs11Uri, read_pkcs11_uri
from feedsrv.signing.pkcs11_words import Reason
from feedsrv.signing.places import SignerUriError
from feedsrv.signing.signer import KeyAwayError, NotStorableError, OpenedKey, PrivateKey
from feedsrv.trust.profile import KeyKind

_CURVES: Final[Mapping[str, type[ec.EllipticCurve]]] = {"p-256": ec.SECP256R1, "p-384": ec.SECP384R1}
_GENERATING: Final = 60.0
"""Seconds that a smart card may take to make a key, at least."""
_WRONG_PINS: Final[set[tuple[object, ...]]] = set()
"""PIN files that a token refused, as they were: a process that looks again and again must not lock it."""

Answer = dict[str, Any]


@dataclass(frozen=True)
class Pkcs11Place:
    """One key of one token, by name. Nothing is touched before a method is called."""

    uri: Pkcs11Uri

    @property
    def description(self) -> str:
        """For people."""
        return self.uri.description

    @property
    def chain(self) -> Path | None:
        """The file of the certificates, where the URI names one."""
        return self.uri.chain

    def open(self) -> OpenedKey:
        """Log in, and find the key.

        Raises:
            SigningError: one class for each reason; see `pkcs11_refusals`.
            KeyAwayError: the module or the token does not answer.
        """
        return _Token(self.uri).open()

    def create(self, kind: KeyKind, *, exportable: bool) -> OpenedKey:
        """Make a key that the token never shows, and that leaves it only where `exportable`.

        Raises:
            SignerUriError: the URI gives it no name.
            KeyExistsError: the token holds one of that name.
            SigningError, KeyAwayError: as `open` does.
        """
        return _Token(self.uri).create(kind, exportable=exportable)

    def store(self, _private_key: PrivateKey, /) -> NoReturn:
        """Refused: what was outside once is no safer inside."""
        raise NotStorableError(
            f"{self.description}: a key that was outside a token is no safer inside; "
            "make one there, and have that certified"
        )

    def export(self, passphrase: bytes | None) -> bytes:
        """The key as PEM (PKCS#8), by way of a wrapping key that lives as long as this call.

        Raises:
            NotExportableError: it was not made to leave its token.
            SigningError, KeyAwayError: as `open` does.
        """
        return _Token(self.uri).export(passphrase)


def read_place(uri: str) -> Pkcs11Place:
    """Read a URI.

    Raises:
        SignerUriError: not of the form.
    """
    return Pkcs11Place(read_pkcs11_uri(uri))


class _Token:
    """A key's token behind a child process, which is started when it is needed."""

    def __init__(self, uri: Pkcs11Uri) -> None:
        self._uri = uri
        self._name = uri.description
        self._child: Child | None = None
        self._public: object = None
        self._patience = uri.timeout
        self._one_at_a_time = Lock()

    def open(self) -> OpenedKey:
        with self._one_at_a_time:
            self._begin("open", deadline=self._deadline())
        return OpenedKey(self._name, stand_in(self._public, self._sign, name=self._name))

    def create(self, kind: KeyKind, *, exportable: bool) -> OpenedKey:
        if self._uri.label is None:
            raise SignerUriError(f"{self._name}: a new key is named by object= in the URI; write {FORM}")
        deadline = self._deadline(at_least=_GENERATING)
        with self._one_at_a_time:
            self._begin("create", deadline=deadline, kind=kind.value, exportable=exportable)
            self._close()  # the session that may write ends with the writing
        return self.open()

    def export(self, passphrase: bytes | None) -> bytes:
        secret = os.urandom(32)
        with self._one_at_a_time:
            answer = self._start("wrap", deadline=self._deadline(), **{"with": b64encode(secret).decode()})
            self._close()
        try:
            whole = keywrap.aes_key_unwrap_with_padding(secret, b64decode(answer["wrapped"]))
            key = load_der_private_key(_without_padding(whole), None)
        except (keywrap.InvalidUnwrap, ValueError):
            said = "the module wraps keys in a form that is unknown here"
            raise self._refusal(Reason.NOT_EXPORTABLE, said) from None
        assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        return pem_of(key, passphrase)

    def _sign(self, data: bytes) -> bytes:
        deadline = self._deadline()
        with self._one_at_a_time:
            if self._child is None or not self._child.is_usable:
                self._begin("open", deadline=deadline)
            request = {"do": "sign", "data": b64encode(data).decode()}
            try:
                answer = self._ask(request, deadline=deadline)
            except ChildGoneError:
                # It may have ended by itself just now, after a long rest; what breaks down does so again.
                self._begin("open", deadline=deadline)
                answer = self._ask_once(request, deadline=deadline)
        signature = b64decode(answer["signature"])
        if isinstance(self._public, rsa.RSAPublicKey):
            return signature
        half = len(signature) // 2
        return encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))

    def _begin(self, what: str, *, deadline: float, **more: object) -> None:
        """Start a child that has the key; it must be the same key as before."""
        answer = self._start(what, deadline=deadline, **more)
        try:
            public = _public_key(answer)
        except ValueError:
            self._close()
            raise self._refusal(Reason.KEY_KIND, "its public key is none") from None
        if self._public is not None and public != self._public:
            self._close()
            raise self._refusal(Reason.KEY_MISSING)
        self._public = public

    def _start(self, what: str, *, deadline: float, **more: object) -> Answer:
        uri = self._uri
        pin, seen = self._read_pin()
        self._close()
        try:
            self._child = Child()
        except OSError as error:
            raise KeyAwayError(
                f"{self._name}: no process can be started for its module ({error.strerror}); try again when "
                "this machine is less busy"
            ) from None
        request = {
            "do": what,
            "module": str(uri.module),
            "token": dict(uri.token),
            "label": uri.label,
            "id": uri.key_id.hex() if uri.key_id is not None else None,
            "pin": pin,
            **more,
        }
        return self._ask_once(request, deadline=deadline, seen=seen)

    def _ask_once(self, request: Mapping[str, object], *, deadline: float, seen: object = None) -> Answer:
        try:
            return self._ask(request, deadline=deadline, seen=seen)
        except ChildGoneError as gone:
            raise self._crashed(gone) from None

    def _ask(self, request: Mapping[str, object], *, deadline: float, seen: object = None) -> Answer:
        assert self._child is not None
        try:
            answer = self._child.ask(request, deadline=deadline)
        except ChildLateError:
            raise KeyAwayError(
                f"{self._name}: the module {self._uri.module} did not answer within "
                f"{self._patience:g} seconds, and was stopped; look after the device, then try again"
            ) from None
        if "refused" in answer:
            self._close()
            reason = Reason(answer["refused"])
            if reason is Reason.PIN_WRONG and isinstance(seen, tuple):
                _WRONG_PINS.add(seen)
            raise self._refusal(reason, answer["said"])
        return answer

    def _read_pin(self) -> tuple[str | None, tuple[object, ...] | None]:
        """The PIN, and what tells this state of its file from every other."""
        path = self._uri.pin
        if path is None:
            return None, None
        token = tuple(sorted(self._uri.token.items()))
        seen = (self._uri.module, token, path, *state_of(path, "PIN"))
        content = read_private(path, "PIN").rstrip(b"\r\n")
        if seen in _WRONG_PINS:
            raise self._refusal(Reason.PIN_WRONG)
        try:
            pin = content.decode()
        except UnicodeDecodeError:
            raise self._refusal(Reason.PIN_WRONG) from None
        return pin or None, seen

    def _deadline(self, *, at_least: float = 0.0) -> float:
        self._patience = max(self._uri.timeout, at_least)
        return time.monotonic() + self._patience

    def _close(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None

    def _crashed(self, gone: ChildGoneError) -> FeedsrvError:
        if gone.code == 1:
            return ModuleUnusableError(
                f"{self._name}: the process for the module {self._uri.module} cannot start; is python-pkcs11 "
                "installed beside feedsrv?"
            )
        return KeyAwayError(
            f"{self._name}: the module {self._uri.module} broke down ({gone}); try again, and show this to "
            "its vendor if it stays so"
        )

    def _refusal(self, reason: Reason, said: str = "") -> FeedsrvError:
        return refusal(reason, name=self._name, module=self._uri.module, pin=self._uri.pin, said=said)


def _without_padding(der: bytes) -> bytes:
    """Some modules fill a key up to whole blocks by zeros before they wrap it."""
    length = parser.peek(der)
    return der[:length] if not any(der[length:]) else der


def _public_key(answer: Answer) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    """Raises ValueError where these are no numbers of a public key."""
    if "modulus" in answer:
        exponent, modulus = (int.from_bytes(b64decode(answer[one])) for one in ("exponent", "modulus"))
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    curve = _CURVES[answer["curve"]]()
    # Most modules wrap the point in an octet string, as the standard says; some do not.
    point = b64decode(answer["point"])[-(2 * ((curve.key_size + 7) // 8) + 1) :]
    return ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
