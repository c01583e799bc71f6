"""The one door to wherever keys live: `open_signer(uri)`. A new place is a new line in `_SCHEMES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from feedsrv.signing.documents import check_belongs_together
from feedsrv.signing.pemfile import open_pem_file
from feedsrv.signing.signer import Signer, SigningError


class SignerUriError(SigningError):
    """The signer's URI is not of a form that is known here."""

    code = "signing.uri"


def open_signer(uri: str) -> Signer:
    """Open the key that a URI names, and make sure that key and certificates belong together.

    Whether receivers will accept what it signs is `fitness.check_fit`'s to say, at a time and for a kind.

    `file:/abs/key.pem?chain=/abs/chain.pem`, and `&passphrase=/abs/file` for an encrypted key.

    Raises:
        SignerUriError: an unknown scheme, or a part is missing.
        SigningError: the key or its certificates cannot be used; one class for each reason.
    """
    scheme = urlsplit(uri).scheme
    opener = _SCHEMES.get(scheme)
    if opener is None:
        raise SignerUriError(
            f"signer {_shown(uri)}: the scheme {scheme or 'none'!r} is unknown; "
            f"known is {', '.join(_SCHEMES)}"
        )
    signer = opener(uri)
    check_belongs_together(signer.private_key, signer.chain, name=signer.name)
    return signer


def _open_file(uri: str) -> Signer:
    parts = urlsplit(uri)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = set(options) - {"chain", "passphrase"}
    if parts.netloc or not parts.path.startswith("/") or not options.get("chain") or unknown:
        raise SignerUriError(
            f"signer {_shown(uri)}: write file:/absolute/key.pem?chain=/absolute/chain.pem"
            "[&passphrase=/absolute/file]"
        )
    passphrase = options.get("passphrase")
    return open_pem_file(
        Path(unquote(parts.path)), Path(options["chain"]), Path(passphrase) if passphrase else None
    )


def _shown(uri: str) -> str:
    """Without user, password and options, which another scheme might hold."""
    parts = urlsplit(uri)
    return repr(f"{parts.scheme}:{parts.hostname or ''}{parts.path}"[:120])


_SCHEMES: Final[Mapping[str, Callable[[str], Signer]]] = MappingProxyType({"file": _open_file})
