"""Adopted anchors: roots that the publisher announced, and for which an anchor of this agent vouched.

One file for each lies in the agent's home, written whole or not at all. What was adopted stays, whatever
feeds say later, until an administrator forgets it; what was forgotten is not adopted again.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.agent.durable import replace_file
from feedsrv.agent.fields import FieldError, Fields
from feedsrv.clock import to_text
from feedsrv.errors import NotFoundError, OperatorError
from feedsrv.trust.certificates import UNREADABLE
from feedsrv.trust.profile import fingerprint, spki_id

_MOST_BYTES: Final = 64 * 1024


class AnchorShelfError(OperatorError):
    """A root that was adopted cannot be read or kept."""

    code = "agent.adopted"


class NotAdoptedError(NotFoundError):
    """No root of that fingerprint was adopted here."""

    code = "agent.not_adopted"


@dataclass(frozen=True, slots=True)
class Adopted:
    """A root that counts like a pinned one, and why."""

    certificate: x509.Certificate
    voucher: x509.Certificate
    """For the same name and key, by the anchor that vouched."""
    by: str
    """Fingerprint of the anchor that vouched."""
    by_key: str
    """That anchor's key, by its SHA-256."""
    at: datetime
    """When it was adopted."""

    @classmethod
    def of(
        cls, root: x509.Certificate, voucher: x509.Certificate, by: x509.Certificate, at: datetime
    ) -> Adopted:
        """A root that is adopted now."""
        return cls(root, voucher, fingerprint(by), spki_id(by.public_key()), at)

    @property
    def fingerprint(self) -> str:
        """SHA-256 as hexadecimal digits."""
        return fingerprint(self.certificate)


class AnchorShelf:
    """The folder of adopted roots."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "adopted"

    def adopted(self) -> tuple[Adopted, ...]:
        """Every root that was adopted and not forgotten; one whose file is damaged does not count."""
        return tuple(one for _, one in self._read_all() if isinstance(one, Adopted))

    def forgotten(self) -> frozenset[str]:
        """Fingerprints of those that an administrator took back, and of those that may be among them.

        A damaged file does not say which of both it was, so that root is not adopted again, either.
        """
        return frozenset(name for name, one in self._read_all() if not isinstance(one, Adopted))

    def damaged(self) -> tuple[AnchorShelfError, ...]:
        """What is to be told of files that cannot be read; the other anchors count all the same."""
        return tuple(one for _, one in self._read_all() if isinstance(one, AnchorShelfError))

    def adopt(self, one: Adopted) -> bool:
        """Keep a root; after a crash it is adopted whole, or not at all. True once it is on the disk.

        Raises:
            AnchorShelfError: it cannot be written.
        """
        content = {
            "certificate": _text_of(one.certificate),
            "voucher": _text_of(one.voucher),
            "by": one.by,
            "byKey": one.by_key,
            "at": to_text(one.at),
        }
        self._write(one.fingerprint, content)
        return True

    def forget(self, name: str, at: datetime) -> None:
        """Take a root back, and do not adopt it again.

        Raises:
            NotAdoptedError: it is none of those adopted.
            AnchorShelfError: it cannot be written.
        """
        if name not in {one.fingerprint for one in self.adopted()}:
            raise NotAdoptedError(
                f"no root with the SHA-256 {name[:70]!r} was adopted here: `feedsrv-agent trust list` shows "
                "those that were; a pinned one is taken away by `feedsrv-agent config --anchor`"
            )
        self._write(name, {"forgotten": to_text(at)})

    def _read_all(self) -> Iterator[tuple[str, Adopted | AnchorShelfError | None]]:
        for path in sorted(self._folder.glob("*.json")):
            try:
                with path.open("rb") as file:
                    fields = Fields.parse(file.read(_MOST_BYTES))
                yield path.stem, None if "forgotten" in fields.names() else _read(fields)
            except (OSError, *UNREADABLE) as error:
                damaged = AnchorShelfError(
                    f"{path}: this adopted root cannot be read ({error}). Remove the file: the root "
                    "is adopted again if the publisher still announces it; else pin it with `feedsrv-agent "
                    "config --anchor`"
                )
                yield path.stem, damaged

    def _write(self, name: str, content: dict[str, str]) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            replace_file(self._folder / f"{name}.json", json.dumps(content, indent=1).encode() + b"\n")
        except OSError as error:
            raise AnchorShelfError(f"{self._folder} cannot be written ({error.strerror})") from None


def _read(fields: Fields) -> Adopted:
    return Adopted(
        _certificate(fields, "certificate"),
        _certificate(fields, "voucher"),
        fields.text("by"),
        fields.text("byKey"),
        fields.moment("at"),
    )


def _certificate(fields: Fields, name: str) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(b64decode(fields.text(name), validate=True))
    except ValueError as error:
        raise FieldError(f"{name} is no certificate ({error})") from None


def _text_of(certificate: x509.Certificate) -> str:
    return b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")
