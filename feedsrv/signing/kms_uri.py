"""Reading the URI of a key in AWS KMS."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from feedsrv.signing.places import SignerUriError, read_uri

FORM: Final = (
    "aws-kms:alias/NAME?region=REGION (or a key's id or ARN for alias/NAME)"
    "[&endpoint=https://host][&timeout=SECONDS][&chain=/absolute/chain.pem]"
)
_KEY: Final = re.compile(r"alias/[\w/-]{1,250}|[A-Za-z0-9-]{8,64}", re.ASCII)
_ARN: Final = re.compile(r"arn:aws[\w-]*:kms:([a-z0-9-]+):\d{12}:(?:key|alias)/[\w/-]{1,250}", re.ASCII)
_REGION: Final = re.compile(r"[a-z0-9-]{5,30}")


@dataclass(frozen=True, slots=True)
class KmsUri:
    """A URI in its parts."""

    key: str
    """An id, an ARN, or `alias/` and a name."""
    region: str
    endpoint: str | None
    """Another address than the region's own."""
    timeout: float
    """Seconds that the service may take to answer."""
    chain: Path | None

    @property
    def description(self) -> str:
        """For people.

        >>> read_kms_uri("aws-kms:alias/feed?region=eu-central-1").description
        'AWS KMS alias/feed in eu-central-1'
        """
        return f"AWS KMS {self.key} in {self.region}"


def read_kms_uri(uri: str) -> KmsUri:
    """Take the URI of a key apart.

    Raises:
        SignerUriError: not of the form.
    """
    parts = read_uri(uri, options=("region", "endpoint", "timeout"), form=FORM)
    key = unquote(parts.path)
    arn = _ARN.fullmatch(key)
    if not (arn or _KEY.fullmatch(key)):
        raise SignerUriError(f"a key in AWS KMS is named by alias, id or ARN; write {FORM}")
    region = parts.options.get("region", arn[1] if arn else "")
    if not _REGION.fullmatch(region):
        raise SignerUriError(f"a key in AWS KMS needs its region; write {FORM}")
    return KmsUri(
        key,
        region,
        _endpoint(parts.options.get("endpoint")),
        parts.timeout(form=FORM),
        parts.file("chain", form=FORM),
    )


def _endpoint(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fits = None
    else:
        # Neither names and passwords nor anything else that might be a secret.
        fits = fits and not (parts.query or parts.fragment or "@" in parts.netloc)
    if not fits:
        raise SignerUriError(f"endpoint= must be an address such as https://host:port; write {FORM}")
    return text
