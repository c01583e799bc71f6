"""The child process that loads a vendor's PKCS #11 module, and answers for one key.

A module is a stranger's machine code: it may crash, print, or never come back, and in its own process
nothing could interrupt it. Here it can be killed. The PIN comes by the pipe, never by the command line or
the environment. This module is run, not imported: `python -m feedsrv.signing.pkcs11_process`.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any, BinaryIO, Final, NoReturn

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, TokenFlag, exceptions

from feedsrv.signing.pkcs11_words import GRACE, IDLE, Reason
from feedsrv.trust.profile import KeyKind

Words = Mapping[str, Any]
"""A request or an answer, as JSON has it."""

# DER of the curves' object identifiers, as modules keep them.
_CURVES: Final = {
    "p-256": bytes.fromhex("06082a8648ce3d030107"),
    "p-384": bytes.fromhex("06052b81040022"),
}
_BITS: Final = {KeyKind.RSA_3072: 3072, KeyKind.RSA_4096: 4096}

# What a module's answers mean to an operator. Whatever is missing here is shown as it is.
_MEANINGS: Final[Mapping[type[Exception], Reason]] = {
    exceptions.PinIncorrect: Reason.PIN_WRONG,
    exceptions.PinInvalid: Reason.PIN_WRONG,
    exceptions.PinLenRange: Reason.PIN_WRONG,
    exceptions.PinLocked: Reason.PIN_LOCKED,
    exceptions.PinExpired: Reason.PIN_UNSET,
    exceptions.UserPinNotInitialized: Reason.PIN_UNSET,
    exceptions.UserNotLoggedIn: Reason.PIN_NEEDED,
    exceptions.TokenNotPresent: Reason.TOKEN_MISSING,
    exceptions.TokenNotRecognised: Reason.TOKEN_MISSING,
    exceptions.TokenWriteProtected: Reason.READ_ONLY,
    exceptions.FunctionRejected: Reason.NOT_ALLOWED,
    exceptions.KeyTypeInconsistent: Reason.KEY_KIND,
    exceptions.MechanismInvalid: Reason.KEY_KIND,
    exceptions.KeyUnextractable: Reason.NOT_EXPORTABLE,
    exceptions.KeyNotWrappable: Reason.NOT_EXPORTABLE,
    exceptions.DeviceError: Reason.AWAY,
    exceptions.DeviceMemory: Reason.AWAY,
    exceptions.DeviceRemoved: Reason.AWAY,
    exceptions.FunctionCancelled: Reason.AWAY,
    exceptions.FunctionFailed: Reason.AWAY,
    exceptions.GeneralError: Reason.AWAY,
    exceptions.HostMemory: Reason.AWAY,
    exceptions.KeyHandleInvalid: Reason.AWAY,
    exceptions.ObjectHandleInvalid: Reason.AWAY,
    exceptions.SessionClosed: Reason.AWAY,
    exceptions.SessionCount: Reason.AWAY,
    exceptions.SessionHandleInvalid: Reason.AWAY,
}
_FUNCTION_NOT_PERMITTED: Final = "0x68"


class Refused(Exception):  # noqa: N818 -- it never leaves this process; the parent makes an error of it
    """What was asked cannot be done; `said` is the module's own word, or what was found instead."""

    def __init__(self, reason: Reason, said: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.said = said


class Desk:
    """Answers requests, with one session on one token."""

    def __init__(self) -> None:
        self._close: Callable[[], None] = lambda: None
        self._session: Any = None
        self._key: Any = None

    def answer(self, request: Words) -> Words:
        """Do what is asked, or raise Refused or whatever the library raises."""
        match request["do"]:
            case "open":
                self._open(request, write=False)
                return self._found(request)
            case "create":
                self._open(request, write=True)
                return self._create(request)
            case "sign":
                return {"signature": _text(self._sign(b64decode(request["data"])))}
            case "wrap":
                self._open(request, write=False)
                self._found(request)
                return {"wrapped": _text(self._wrap(b64decode(request["with"])))}
            case unknown:
                raise Refused(Reason.FAILED, f"{unknown!r} is no request")

    def close(self) -> None:
        """Log out, and let the module put its house in order."""
        self._close()

    def _open(self, request: Words, *, write: bool) -> None:
        try:
            module = pkcs11.lib(request["module"])
        except exceptions.PKCS11Error as error:
            raise Refused(Reason.MODULE, _said(error)) from error
        self._close = module.finalize
        token = _token(module, request["token"])
        flags = token.flags
        if flags & TokenFlag.USER_PIN_LOCKED:
            raise Refused(Reason.PIN_LOCKED)
        pin = request["pin"]
        if pin is None and flags & TokenFlag.LOGIN_REQUIRED:
            raise Refused(Reason.PIN_NEEDED)
        if pin is not None and flags & TokenFlag.USER_PIN_FINAL_TRY:
            raise Refused(Reason.PIN_LAST_TRY)
        self._session = token.open(rw=write, user_pin=pin)

    def _found(self, request: Words) -> Words:
        """The key, and its public half."""
        keys = list(self._session.get_objects(_wanted(request, ObjectClass.PRIVATE_KEY)))
        if not keys:
            raise Refused(Reason.KEY_MISSING)
        if len(keys) > 1:
            raise Refused(Reason.KEY_AMBIGUOUS, f"{len(keys)} keys")
        self._key = keys[0]
        public = self._public()
        if not _attribute(self._key, Attribute.SIGN, default=True):
            raise Refused(Reason.NOT_ALLOWED, "CKA_SIGN is false")
        return public

    def _public(self) -> Words:
        kind = _attribute(self._key, Attribute.KEY_TYPE)
        if kind not in (KeyType.RSA, KeyType.EC):
            raise Refused(Reason.KEY_KIND, str(getattr(kind, "name", kind)))
        if kind == KeyType.RSA:
            modulus = _attribute(self._key, Attribute.MODULUS)
            exponent = _attribute(self._key, Attribute.PUBLIC_EXPONENT)
            if not (modulus and exponent):
                public = self._public_object()
                modulus, exponent = public[Attribute.MODULUS], public[Attribute.PUBLIC_EXPONENT]
            return {"modulus": _text(modulus), "exponent": _text(exponent)}
        public = self._public_object()
        parameters = public[Attribute.EC_PARAMS]
        curve = next((name for name, oid in _CURVES.items() if oid == parameters), None)
        if curve is None:
            raise Refused(Reason.KEY_KIND, "a curve that is neither P-256 nor P-384")
        return {"curve": curve, "point": _text(public[Attribute.EC_POINT])}

    def _public_object(self) -> Any:  # noqa: ANN401 -- the library makes its classes at run time
        for name in (Attribute.ID, Attribute.LABEL):
            value = _attribute(self._key, name)
            wanted = {Attribute.CLASS: ObjectClass.PUBLIC_KEY, name: value}
            found = list(self._session.get_objects(wanted)) if value else []
            if len(found) == 1:
                return found[0]
        raise Refused(Reason.PUBLIC_MISSING)

    def _sign(self, data: bytes) -> bytes:
        if self._key is None:
            raise Refused(Reason.FAILED, "no key is open")
        if self._key.key_type == KeyType.RSA:
            return bytes(self._key.sign(data, mechanism=Mechanism.SHA256_RSA_PKCS))
        # Many modules know ECDSA alone, and leave the digest to whoever asks.
        return bytes(self._key.sign(sha256(data).digest(), mechanism=Mechanism.ECDSA))

    def _create(self, request: Words) -> Words:
        for kind in (ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY):
            if any(True for _ in self._session.get_objects(_wanted(request, kind))):
                raise Refused(Reason.KEY_EXISTS)
        exportable = bool(request["exportable"])
        named: dict[str, Any] = {
            "id": bytes.fromhex(request["id"]) if request["id"] else os.urandom(16),
            "label": request["label"],
            "store": True,
            "capabilities": pkcs11.MechanismFlag.SIGN | pkcs11.MechanismFlag.VERIFY,
            "private_template": {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: exportable},
        }
        asked = KeyKind(request["kind"])
        if asked in _BITS:
            public, private = self._session.generate_keypair(KeyType.RSA, _BITS[asked], **named)
        else:
            curve = {Attribute.EC_PARAMS: _CURVES[asked.value]}
            domain = self._session.create_domain_parameters(KeyType.EC, curve, local=True)
            public, private = domain.generate_keypair(**named)
        # Some modules overlook what they do not like.
        if not private[Attribute.SENSITIVE] or private[Attribute.EXTRACTABLE] is not exportable:
            private.destroy()
            public.destroy()
            raise Refused(Reason.FAILED, "the module does not keep keys as it was told to")
        return self._found(request)

    def _wrap(self, secret: bytes) -> bytes:
        """The key, encrypted by AES key wrap with padding (RFC 5649)."""
        if not self._key[Attribute.EXTRACTABLE]:
            raise Refused(Reason.NOT_EXPORTABLE, "CKA_EXTRACTABLE is false")
        known = self._session.token.slot.get_mechanisms()
        wrap = next(
            (one for one in (Mechanism.AES_KEY_WRAP_KWP, Mechanism.AES_KEY_WRAP_PAD) if one in known), None
        )
        if wrap is None:
            raise Refused(Reason.NOT_EXPORTABLE, "the module knows no key wrap with padding")
        with_it = self._session.create_object(
            {
                Attribute.CLASS: ObjectClass.SECRET_KEY,
                Attribute.KEY_TYPE: KeyType.AES,
                Attribute.TOKEN: False,
                Attribute.SENSITIVE: True,
                Attribute.WRAP: True,
                Attribute.VALUE: secret,
            }
        )
        return bytes(with_it.wrap_key(self._key, mechanism=wrap))


def _token(module: Any, wanted: Mapping[str, str]) -> Any:  # noqa: ANN401 -- as above
    seen: list[str] = []
    found = []
    for slot in module.get_slots(token_present=True):
        try:
            token = slot.get_token()
        except (exceptions.TokenNotPresent, exceptions.TokenNotRecognised):
            continue
        if not token.flags & TokenFlag.TOKEN_INITIALIZED:
            continue
        seen.append(token.label)
        facts = {
            "token": token.label,
            "manufacturer": token.manufacturer_id,
            "model": token.model,
            "serial": token.serial.decode(errors="replace").strip(),
            "slot-id": str(slot.slot_id),
        }
        if all(facts[name] == value for name, value in wanted.items()):
            found.append(token)
    if not found:
        raise Refused(Reason.TOKEN_MISSING, ", ".join(seen[:8]))
    if len(found) > 1:
        raise Refused(Reason.TOKEN_AMBIGUOUS, f"{len(found)} tokens")
    return found[0]


def _wanted(request: Words, kind: ObjectClass) -> dict[Attribute, Any]:
    wanted: dict[Attribute, Any] = {Attribute.CLASS: kind}
    if request["label"]:
        wanted[Attribute.LABEL] = request["label"]
    if request["id"]:
        wanted[Attribute.ID] = bytes.fromhex(request["id"])
    return wanted


def _attribute(key: Any, name: Attribute, *, default: object = None) -> Any:  # noqa: ANN401 -- as above
    """An attribute that a module may not keep."""
    try:
        return key[name]
    except (exceptions.AttributeTypeInvalid, exceptions.AttributeSensitive):
        return default


def _text(value: bytes) -> str:
    return b64encode(value).decode()


def _said(error: BaseException) -> str:
    """The kind of the module's answer and its words; neither holds what was asked."""
    return f"{type(error).__name__} {error}".strip()


def _refusal(error: Exception) -> Words:
    if isinstance(error, Refused):
        return {"refused": error.reason, "said": error.said}
    if _FUNCTION_NOT_PERMITTED in str(error).split():
        return {"refused": Reason.NOT_ALLOWED, "said": "the key's functions do not include signing"}
    return {"refused": _MEANINGS.get(type(error), Reason.FAILED), "said": _said(error)}


def _limit(seconds: float) -> None:
    """Have the operating system end this process, whatever a module does by then; 0 calls it off."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def serve(requests: BinaryIO, answers: BinaryIO, *, idle: float = IDLE) -> None:
    """Answer one request after the other, until there are no more, or none for a while."""
    desk = Desk()
    while select.select([requests], [], [], idle)[0]:
        line = requests.readline()
        if not line:
            break
        request = json.loads(line)
        _limit(request["seconds"] + GRACE)
        try:
            answer = desk.answer(request)
        except Exception as error:  # noqa: BLE001 -- the parent must hear of every one
            answer = _refusal(error)
        _limit(0)
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
        if "refused" in answer:
            break  # the parent begins anew rather than with a session in an unknown state
    _limit(GRACE)
    with suppress(Exception):
        desk.close()
    _limit(0)


def main() -> NoReturn:
    """The child: serve its parent, and end without the module's last words."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a PIN would be in it
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    # Modules print; what they print must not be taken for an answer.
    os.dup2(2, 1)
    serve(requests, answers)
    # Past the destructors of a library that was finalised already.
    os._exit(0)


if __name__ == "__main__":
    main()
