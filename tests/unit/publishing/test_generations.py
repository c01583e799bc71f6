"""What agents were told to pin is remembered, and what customers told of theirs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from cryptography import x509

from feedsrv.publishing.generations import (
    PUBLISHED,
    BadPolicyError,
    GenerationsDesk,
    UnknownPolicyError,
    remember_published,
    short_name,
    trust_of,
)
from feedsrv.stores.memory import MemoryStore
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import EKU, Kind, fingerprint
from tests.rotation import make_root

AT: Final = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)
FIRST: Final = make_root("Example Root 1", AT).certificate
SECOND: Final = make_root("Example Root 2", AT).certificate


@pytest.fixture
def store() -> MemoryStore:
    """Nothing is known yet."""
    return MemoryStore()


def published(store: MemoryStore, policy: TrustPolicy, at: datetime = AT) -> list[str]:
    """Publish that; the names that are known afterwards."""
    with store.begin() as work:
        remember_published(work, policy, at=at)
        return [one.name for one in work.policies.all()]


def test_what_is_published_is_remembered_when_it_changes(store: MemoryStore) -> None:
    """Anchors in another order are the same; what was known before is not known twice."""
    one, both = TrustPolicy((FIRST,)), TrustPolicy((FIRST, SECOND))

    assert published(store, one) == ["published 2026-01-10"]
    assert published(store, one, AT + DAY) == ["published 2026-01-10"]
    assert published(store, both, AT + DAY) == ["published 2026-01-10", "published 2026-01-11"]
    assert len(published(store, TrustPolicy((SECOND, FIRST)), AT + 2 * DAY)) == 2
    assert len(published(store, one, AT + 3 * DAY)) == 2


def test_two_changes_on_one_day_have_two_names(store: MemoryStore) -> None:
    """Neither takes the place of the other."""
    published(store, TrustPolicy((FIRST,)))

    names = published(store, TrustPolicy((SECOND,)), AT + timedelta(hours=1))

    assert names == ["published 2026-01-10", "published 2026-01-10T13:00:00Z"]


def test_everything_that_agents_ask_is_remembered(store: MemoryStore) -> None:
    """Anchors, organisation, policy and usages come back as they were."""
    policy = TrustPolicy(
        (FIRST, SECOND),
        organisation="Example Software",
        policy_oid=x509.ObjectIdentifier("1.2.3"),
        eku={**EKU, Kind.FEED: x509.ObjectIdentifier("1.2.3.4")},
    )
    published(store, policy)

    [known] = GenerationsDesk(store, now=lambda: AT).list()

    assert trust_of(known) == policy
    assert trust_of(known, more=(SECOND,)).anchors == (FIRST, SECOND)
    assert (known.note, known.since) == (PUBLISHED, AT)


def test_what_a_customer_told_is_kept_until_it_is_forgotten(store: MemoryStore) -> None:
    """Both are written down, and the oldest is listed first."""
    desk = GenerationsDesk(store, now=lambda: AT)
    desk.add("  Contoso   north ", (FIRST,), organisation=None, by="anna", note="by mail")
    published(store, TrustPolicy((SECOND,)), AT - DAY)

    assert [one.name for one in desk.list()] == ["published 2026-01-09", "Contoso north"]
    desk.remove("Contoso north", by="ben")
    with pytest.raises(UnknownPolicyError, match="no policy 'Contoso north' is known"):
        desk.remove("Contoso north", by="ben")

    with store.look() as work:
        assert [(one.actor, one.verb, one.subject) for one in work.audit.entries()] == [
            ("anna", "trust.policy.add", "Contoso north"),
            ("ben", "trust.policy.remove", "Contoso north"),
        ]


@pytest.mark.parametrize("name", ["", "published by us", "x" * 65, "a\u200bb"])
def test_names_are_plain_and_not_ours(store: MemoryStore, name: str) -> None:
    """So is the note."""
    desk = GenerationsDesk(store, now=lambda: AT)

    with pytest.raises(BadPolicyError):
        desk.add(name, (FIRST,), organisation=None, by="anna")
    with pytest.raises(BadPolicyError):
        desk.add("Contoso", (FIRST,), organisation=None, by="anna", note=PUBLISHED)

    assert desk.list() == ()


def test_a_certificate_has_a_short_name() -> None:
    """Its common name, and enough of its fingerprint."""
    assert short_name(FIRST) == f"Example Root 1 ({fingerprint(FIRST)[:16]})"
