"""What the guide says of M0002: each July 2026 update ends it where it is installed, and only there."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from feedsrv.lints.publication import Publication
from feedsrv.lints.run import lint
from feedsrv.model.build import Build
from feedsrv.model.catalogue import Catalogue, CumulativeUpdate
from feedsrv.model.mitigation import Draft
from feedsrv.publishing.superseding import obliges, superseding

JULY = date(2026, 7, 14)


@pytest.mark.parametrize(
    ("product", "fixed", "still_protected"),
    [
        ("exchange-se", "15.2.2562.45", ["15.2.2562.17", "15.2.2562.43"]),
        ("exchange-2016", "15.1.2507.71", ["15.1.225.42", "15.1.2507.69"]),
        ("exchange-2019", "15.2.1544.43", ["15.2.1544.41", "15.2.1748.10", "15.2.1748.46"]),
        ("exchange-2019", "15.2.1748.48", ["15.2.221.12", "15.2.1544.41", "15.2.1748.46"]),
    ],
    ids=["SE", "2016", "2019 CU14", "2019 CU15"],
)
def test_registering_the_update_drafts_a_revision_that_can_be_published(
    drafts: dict[str, Draft], catalogue: Catalogue, product: str, fixed: str, still_protected: list[str]
) -> None:
    """It ends at the update's build, keeps the branches that wait for their own, and passes review."""
    standing = drafts["M0002"].mitigation
    update = CumulativeUpdate(
        product, Build.parse(fixed), "July 2026 security update", JULY, fixes=("CVE-2026-42897",)
    )
    at = standing.issued + timedelta(days=1)

    revision = superseding(standing, update, catalogue.product(product), revision=2, issued=at)
    findings = lint(
        Publication(
            catalogue=catalogue,
            candidates=(Draft(revision, drafts["M0002"].samples),),
            standing=(standing,),
            at=at,
            published_revisions={"M0002": (1,)},
            releasing=(update,),
        )
    )

    assert obliges(update, standing)
    assert [str(finding) for finding in findings] == []
    assert not revision.affects_build(product, update.build)
    assert all(revision.affects_build(product, Build.parse(build)) for build in still_protected)
