"""Under which certificates everything was signed that feeds list: agents set up tomorrow must open it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from cryptography import x509

from feedsrv.model.feed import mitigation_path
from feedsrv.model.mitigation import Mitigation, Status
from feedsrv.model.supersession import successors
from feedsrv.publishing.ports import Shelf
from feedsrv.publishing.records import Standing
from feedsrv.trust.form import read_form
from feedsrv.trust.profile import Kind
from feedsrv.trust.refusals import UntrustedError


@dataclass(frozen=True)
class Listed:
    """A published mitigation that is in force, and the certificates in its signature."""

    subject: str
    """Such as `M0001 revision 2`."""
    chain: tuple[x509.Certificate, ...]
    """As they stand in the document; empty where that cannot be read."""
    review_by: date


def listed_on(shelf: Shelf, standing: Iterable[Standing]) -> tuple[Listed, ...]:
    """The newest published revision of every mitigation in force, as it lies on the shelf.

    No signature is checked. Those that are withdrawn or superseded are left out: an agent that never had
    one does not fetch it.
    """
    mitigations = [one.mitigation for one in standing]
    taken_over = successors(mitigations)
    return tuple(
        _listed(shelf, one)
        for one in mitigations
        if one.status is not Status.WITHDRAWN and one.id not in taken_over
    )


def _listed(shelf: Shelf, mitigation: Mitigation) -> Listed:
    path = f"v1/{mitigation_path(mitigation.id, mitigation.revision)}"
    document = shelf.get(path)
    try:
        chain = (
            () if document is None else read_form(document, kind=Kind.MITIGATION, source=path).certificates
        )
    except UntrustedError:
        chain = ()
    return Listed(str(mitigation), tuple(chain), mitigation.review_by)
