"""Reading the URI of a key in a PKCS #11 token (RFC 7512)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, unquote, unquote_to_bytes

from feedsrv.signing.places import SignerUriError, read_uri

FORM: Final = (
    "pkcs11:token=NAME;object=KEY?module-path=/absolute/module.so&pin-source=file:/absolute/pin"
    "[&timeout=SECONDS][&chain=/absolute/chain.pem]"
)
_TOKEN: Final = ("token", "manufacturer", "model", "serial", "slot-id")
_KEY: Final = ("object", "id", "type")
_OPTIONS: Final = ("module-path", "pin-source", "pin-value", "timeout")


@dataclass(frozen=True, slots=True)
class Pkcs11Uri:
    """A URI in its parts."""

    token: Mapping[str, str]
    """What is known of the token, by the RFC's names: token, manufacturer, model, serial, slot-id."""
    label: str | None
    """The key's name: `object` in the URI."""
    key_id: bytes | None
    module: Path
    pin: Path | None
    """The file that holds the PIN; None where the token asks for none."""
    timeout: float
    """Seconds that the module may take to answer."""
    chain: Path | None

    @property
    def description(self) -> str:
        """For people.

        >>> read_pkcs11_uri("pkcs11:token=HSM%201;object=feed?module-path=/m.so").description
        'PKCS#11 token HSM 1, key feed'
        """
        words = {name: value for name, value in self.token.items() if name != "token"}
        token = " ".join(
            [
                *([self.token["token"]] if "token" in self.token else []),
                *(f"{name} {value}" for name, value in words.items()),
            ]
        )
        by_id = f"id {quote(self.key_id)}" if self.key_id is not None else ""
        return f"PKCS#11 token {token}, key {' '.join(one for one in (self.label, by_id) if one)}"


def read_pkcs11_uri(uri: str) -> Pkcs11Uri:
    """Take the URI of a key apart. Values are percent-encoded; blanks may stand as they are.

    Raises:
        SignerUriError: not of the form, or not enough to tell one key.
    """
    parts = read_uri(uri, options=_OPTIONS, form=FORM)
    if "pin-value" in parts.options:
        raise SignerUriError(f"a PIN never stands in a URI: write it into a file of its own, and {FORM}")
    found: dict[str, str] = {}
    for part in parts.path.split(";"):
        name, _, value = part.partition("=")
        if name not in {*_TOKEN, *_KEY}:
            raise SignerUriError(f"the attribute {name[:40]!r} is unknown in a PKCS#11 URI; write {FORM}")
        if name in found or not value:
            raise SignerUriError(f"the attribute {name!r} is empty or stands twice; write {FORM}")
        found[name] = value
    module = parts.file("module-path", form=FORM)
    if module is None:
        raise SignerUriError(f"a PKCS#11 URI names the vendor's module by module-path=; write {FORM}")
    token: dict[str, str] = {name: _text(found[name], name) for name in _TOKEN if name in found}
    if not token or not ("object" in found or "id" in found):
        raise SignerUriError(f"a PKCS#11 URI names a token and a key; write {FORM}")
    if found.get("type", "private") != "private" or not token.get("slot-id", "0").isdecimal():
        raise SignerUriError(f"type must be private, and slot-id a number; write {FORM}")
    return Pkcs11Uri(
        token=MappingProxyType(token),
        label=_text(found["object"], "object") if "object" in found else None,
        key_id=unquote_to_bytes(found["id"]) if "id" in found else None,
        module=module,
        pin=parts.file("pin-source", form=FORM),
        timeout=parts.timeout(form=FORM),
        chain=parts.file("chain", form=FORM),
    )


def _text(value: str, name: str) -> str:
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise SignerUriError(f"the attribute {name!r} is no percent-encoded UTF-8; write {FORM}") from None
