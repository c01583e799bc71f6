"""Which published documents an agent that is set up anew has to open, and who signed them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from feedsrv.model.feed import digest_of, mitigation_path
from feedsrv.model.mitigation import Mitigation, Status
from feedsrv.publishing.listed import listed_on
from feedsrv.publishing.records import Published, Standing
from feedsrv.stores.memory import MemoryShelf
from feedsrv.trust.profile import Kind
from tests.desk import AT
from tests.pki import Pki, sample_mitigation

PKI: Final = Pki(at=AT)
OLD: Final = sample_mitigation(AT)
NEW: Final = sample_mitigation(AT, id="M0002", supersedes=("M0001",))
GONE: Final = replace(sample_mitigation(AT, id="M0003"), status=Status.WITHDRAWN)


def standing(mitigation: Mitigation) -> Standing:
    """It, published."""
    return Standing(mitigation, Published(digest_of(b""), 1, AT))


def shelf_with(*mitigations: Mitigation) -> MemoryShelf:
    """These, signed."""
    shelf = MemoryShelf()
    for one in mitigations:
        path = f"v1/{mitigation_path(one.id, one.revision)}"
        shelf.put(path, PKI.sign_mitigation(one), at=AT)
    return shelf


def test_the_certificates_are_those_in_the_signature() -> None:
    """With the day on which people look at it again."""
    [found] = listed_on(shelf_with(OLD), [standing(OLD)])

    assert found.subject == "M0001 revision 2"
    assert found.chain == PKI.signer(Kind.MITIGATION).chain
    assert found.review_by == OLD.review_by


def test_what_is_not_in_force_is_left_out() -> None:
    """New agents do not fetch what is superseded or withdrawn."""
    found = listed_on(shelf_with(OLD, NEW, GONE), map(standing, (OLD, NEW, GONE)))

    assert [one.subject for one in found] == ["M0002 revision 2"]


def test_what_is_lost_or_damaged_has_no_certificates() -> None:
    """It is told all the same."""
    shelf = shelf_with(OLD)
    shelf.files["v1/mitigations/M0002/2.xml"] = b"<not this/>"

    found = listed_on(shelf, map(standing, (replace(OLD, id="M0009"), replace(NEW, supersedes=()))))

    assert [(one.subject, one.chain) for one in found] == [("M0009 revision 2", ()), ("M0002 revision 2", ())]
