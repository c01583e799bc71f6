"""Under which certificates everything was signed that feeds list: agents set up tomorrow must open it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from cryptography import x509

from feedsrv.model.feed import mitigation_path
from feedsrv.model.mitigation import Status
from feedsrv.publishing.ports import Shelf
from feedsrv.publishing.records import Standing
from feedsrv.trust.form import read_form
from feedsrv.trust.profile import Kind
from feedsrv.trust.refusals import UntrustedError


@dataclass(frozen=True)
class Listed:
    """A published mitigation, and the certificates in its signature."""

    subject: str
    """Such as `M0001 revision 2`."""
    chain: tuple[x509.Certificate, ...]
    """As they stand in the document; empty where that cannot be read."""
    review_by: date | None
    """None for one that is withdrawn: nobody looks at it again."""


def listed_on(shelf: Shelf, standing: Iterable[Standing]) -> tuple[Listed, ...]:
    """The newest published revision of every mitigation, as it lies on the shelf. No signature is checked."""
    return tuple(_listed(shelf, one) for one in standing)


def _listed(shelf: Shelf, standing: Standing) -> Listed:
    mitigation = standing.mitigation
    path = f"v1/{mitigation_path(mitigation.id, mitigation.revision)}"
    document = shelf.get(path)
    try:
        chain = (
            () if document is None else read_form(document, kind=Kind.MITIGATION, source=path).certificates
        )
    except UntrustedError:
        chain = ()
    is_withdrawn = mitigation.status is Status.WITHDRAWN
    return Listed(str(mitigation), tuple(chain), None if is_withdrawn else mitigation.review_by)
