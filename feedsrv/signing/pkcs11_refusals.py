"""What an operator is told when a PKCS #11 module or token refuses."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from feedsrv.errors import FeedsrvError
from feedsrv.signing.pkcs11_words import Reason
from feedsrv.signing.signer import (
    KeyAwayError,
    KeyExistsError,
    KeyKindError,
    KeyMissingError,
    KeyNotAllowedError,
    NotExportableError,
    SigningError,
)


class ModuleUnusableError(SigningError):
    """The vendor's PKCS#11 module cannot be loaded."""

    code = "signing.module"


class ModuleRefusedError(SigningError):
    """The vendor's PKCS#11 module refused for a reason of its own."""

    code = "signing.module_refused"


class TokenMissingError(SigningError):
    """The module shows no token of that name: it is not plugged in, or not initialised."""

    code = "signing.token_missing"


class TokenAmbiguousError(SigningError):
    """The module shows more than one token of that name."""

    code = "signing.token_ambiguous"


class TokenReadOnlyError(SigningError):
    """The token is write protected, so no key can be made in it."""

    code = "signing.token_read_only"


class PinNeededError(SigningError):
    """The token wants a PIN, and the URI names no file that holds one."""

    code = "signing.pin_needed"


class PinWrongError(SigningError):
    """The token refuses the PIN."""

    code = "signing.pin_wrong"


class PinLastTryError(SigningError):
    """One more wrong PIN would lock the token, so none was tried."""

    code = "signing.pin_last_try"


class PinLockedError(SigningError):
    """The token is locked after too many wrong PINs."""

    code = "signing.pin_locked"


class PinUnsetError(SigningError):
    """The token's PIN was never set, or has to be changed."""

    code = "signing.pin_unset"


class KeyAmbiguousError(SigningError):
    """There is more than one key of that name."""

    code = "signing.key_ambiguous"


class PublicKeyMissingError(SigningError):
    """The token holds the private key without its public key."""

    code = "signing.public_key_missing"


# Reason: the refusal, what happened, what to do. `{module}`, `{pin}` and `{said}` are filled in.
_TABLE: Final[Mapping[Reason, tuple[type[FeedsrvError], str, str]]] = MappingProxyType(
    {
        Reason.MODULE: (
            ModuleUnusableError,
            "the module {module} cannot be loaded ({said})",
            "correct module-path=, or install the vendor's module",
        ),
        Reason.TOKEN_MISSING: (
            TokenMissingError,
            "the module {module} does not show this token (it shows: {said})",
            "plug it in or start its service, or correct the URI; then try again",
        ),
        Reason.TOKEN_AMBIGUOUS: (
            TokenAmbiguousError,
            "the module {module} shows more than one such token ({said})",
            "add its serial= to the URI",
        ),
        Reason.PIN_NEEDED: (
            PinNeededError,
            "the token wants a PIN",
            "write it into a file of its own, mode 0600, and name that by pin-source=",
        ),
        Reason.PIN_WRONG: (
            PinWrongError,
            "the token refuses the PIN in {pin}",
            "correct that file; until then it is not tried again, for a few wrong PINs lock a token",
        ),
        Reason.PIN_LAST_TRY: (
            PinLastTryError,
            "one more wrong PIN would lock the token, so the one in {pin} was not tried",
            "correct that file, and log in once with the vendor's own tool",
        ),
        Reason.PIN_LOCKED: (
            PinLockedError,
            "the token is locked after too many wrong PINs",
            "have its security officer set a new PIN, write that into {pin}, and only then try again",
        ),
        Reason.PIN_UNSET: (
            PinUnsetError,
            "the token's PIN is not set, or must be changed ({said})",
            "set one with the vendor's own tool, and write it into {pin}",
        ),
        Reason.KEY_MISSING: (
            KeyMissingError,
            "the token holds no such private key",
            "correct object= or id= in the URI, or make the key",
        ),
        Reason.KEY_AMBIGUOUS: (
            KeyAmbiguousError,
            "the token holds more than one such private key ({said})",
            "tell them apart by id= in the URI",
        ),
        Reason.KEY_EXISTS: (
            KeyExistsError,
            "the token holds such a key already, and a key is never overwritten",
            "name another object=",
        ),
        Reason.KEY_KIND: (
            KeyKindError,
            "this key cannot sign here, or its token cannot sign by it ({said})",
            "use an RSA key, or one on P-256 or P-384",
        ),
        Reason.PUBLIC_MISSING: (
            PublicKeyMissingError,
            "the token holds the private key, but no public key of the same id",
            "store the public key beside it with the vendor's own tool",
        ),
        Reason.NOT_ALLOWED: (
            KeyNotAllowedError,
            "the token does not let this key sign ({said})",
            "allow it there, or name another key",
        ),
        Reason.NOT_EXPORTABLE: (
            NotExportableError,
            "this key does not leave its token ({said})",
            "make another key with --exportable, or in a file where the module wraps none",
        ),
        Reason.READ_ONLY: (TokenReadOnlyError, "the token is write protected", "lift that, or name another"),
        Reason.AWAY: (
            KeyAwayError,
            "the token does not work now ({said})",
            "look after the device or its network, and try again",
        ),
        Reason.FAILED: (
            ModuleRefusedError,
            "the module {module} refused ({said})",
            "see the vendor's documentation for that word; trying again will not help",
        ),
    }
)


def refusal(reason: Reason, *, name: str, module: object, pin: object, said: str = "") -> FeedsrvError:
    """The refusal for that reason: back end and key, what happened, what to do."""
    kind, happened, remedy = _TABLE[reason]
    words = {"module": module, "pin": pin or "the PIN's file", "said": said or "nothing"}
    return kind(f"{name}: {happened.format(**words)}; {remedy.format(**words)}")
