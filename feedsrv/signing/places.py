"""Reading the URI that names a key: what all schemes have in common.

After the question mark stand options, by name and percent-encoded. A plus sign is a plus sign. Secrets
never stand in a URI; where a place needs one, an option names the file that holds it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote

from feedsrv.signing.signer import SigningError

TIMEOUT: Final = 10.0
"""Seconds that a module or service may take to answer."""
_LONGEST: Final = 300.0
_SCHEME_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+.-")


class SignerUriError(SigningError):
    """The URI of a signer or key is not of a form that is known here."""

    code = "signing.uri"


@dataclass(frozen=True, slots=True)
class KeyUri:
    """A URI in its parts."""

    scheme: str
    path: str
    """Between scheme and options, percent-encoded as it was."""
    options: Mapping[str, str]
    """By name; decoded."""

    def file(self, option: str, *, form: str) -> Path | None:
        """The absolute path that an option names, or None where the option is absent.

        Raises:
            SignerUriError: it is relative.
        """
        value = self.options.get(option)
        if value is None:
            return None
        # RFC 7512 lets a file be named as a URI of its own.
        value = value.removeprefix("file://").removeprefix("file:")
        if not value.startswith("/") or "\0" in value:
            raise SignerUriError(f"{option}= must name a file by its absolute path; write {form}")
        return Path(value)

    def timeout(self, *, form: str) -> float:
        """Seconds that the place may take to answer.

        Raises:
            SignerUriError: no number between 0.1 and 300.
        """
        try:
            seconds = float(self.options.get("timeout", TIMEOUT))
        except ValueError:
            seconds = math.nan
        if not 0.1 <= seconds <= _LONGEST:
            raise SignerUriError(f"timeout= must be seconds from 0.1 to {_LONGEST:.0f}; write {form}")
        return seconds


def scheme_of(uri: str) -> str:
    """What stands before the first colon, in small letters, or nothing."""
    scheme, colon, _ = uri.partition(":")
    scheme = scheme.lower()
    return scheme if colon and scheme and _SCHEME_CHARACTERS.issuperset(scheme) else ""


def read_uri(uri: str, *, options: Collection[str], form: str) -> KeyUri:
    """Take a URI apart. `options` are those known beside `chain`; `form` shows how to write it.

    Raises:
        SignerUriError: an option is unknown, stands twice, or is empty. No value is quoted: whoever
            takes a PIN for an option must not find it in a log.
    """
    path, _, query = uri.partition(":")[2].partition("?")
    found: dict[str, str] = {}
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        if name not in {*options, "chain"}:
            raise SignerUriError(
                f"the option {name[:40]!r} is unknown in the URI of a key; write {form}"
                if name.replace("-", "").replace("_", "").isalpha()
                else f"what stands after the question mark cannot be read; write {form}"
            )
        if name in found or not value:
            raise SignerUriError(f"the option {name!r} is empty or stands twice; write {form}")
        found[name] = unquote(value)
    return KeyUri(scheme_of(uri), path, MappingProxyType(found))
