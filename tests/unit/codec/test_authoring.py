"""What authors may leave to the reader: defaults, wrapped lines, comments, a date counted in days."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from feedsrv.codec.authoring import read_draft, write_draft
from feedsrv.codec.parsing import SchemaError
from feedsrv.model.action import (
    AbortRequest,
    Condition,
    CustomResponse,
    InboundRule,
    OutboundRule,
    Place,
    Rewrite,
    Scope,
    UrlRewrite,
)
from feedsrv.model.mitigation import PRODUCTION, Status
from tests.unit.codec.documents import AT, DRAFT, instead, read


def test_what_is_left_out_has_the_default_of_the_words() -> None:
    """A short draft and its full form are the same draft."""
    draft = read(DRAFT)
    condition = Condition("{UrlDecode:{REQUEST_URI}}", "(?=.*autodiscover)(?=.*powershell)")

    assert draft.mitigation.channel == PRODUCTION
    assert draft.mitigation.status is Status.ACTIVE
    assert draft.mitigation.actions == (
        UrlRewrite(
            "A1",
            "PowerShell - inbound",
            Place(Scope.SITE, "Default Web Site"),
            InboundRule(".*", AbortRequest(), conditions=(condition,)),
        ),
    )
    assert read(write_draft(draft)) == draft


def test_other_outcomes_and_outbound_rules_have_defaults_too() -> None:
    """A custom response and a response header need no more than what is particular to them."""
    custom = read(instead(DRAFT, "<AbortRequest/>", '<CustomResponse status="404"/>'))
    start, end = DRAFT.index("<Inbound"), DRAFT.index("</UrlRewrite>")
    rule = '<Outbound variable="RESPONSE_X" pattern="(.*)"><Rewrite value="{R:1}"/></Outbound>'
    outbound = read(DRAFT[:start] + rule + DRAFT[end:])

    one, other = custom.mitigation.actions[0], outbound.mitigation.actions[0]
    assert isinstance(one, UrlRewrite)
    assert one.rule.outcome == CustomResponse(404)
    assert isinstance(other, UrlRewrite)
    assert other.rule == OutboundRule("RESPONSE_X", "(.*)", Rewrite("{R:1}"))


def test_wrapped_lines_and_comments_do_not_change_a_text() -> None:
    """White space collapses as in a web page; a comment neither counts nor cuts a text short."""
    commented = instead(
        DRAFT, "autodiscover and PowerShell", "auto<!-- an aside -->discover and\n\n\tPowerShell"
    )

    assert read(commented) == read(DRAFT)
    assert read(DRAFT).mitigation.description == "Requests that name autodiscover and PowerShell are dropped."


def test_comments_may_stand_between_elements() -> None:
    """Authors explain themselves; readers pass over it."""
    commented = DRAFT.replace("\n", "\n<!-- why -->\n")

    assert read(commented) == read(DRAFT)


def test_a_text_keeps_blanks_that_xml_does_not_count() -> None:
    """Only blank, TAB, CR and LF collapse; a no-break space is a letter like another."""
    draft = read(instead(DRAFT, "Block a", "Block\u00a0\u00a0a"))

    assert draft.mitigation.title.startswith("Block\u00a0\u00a0a")


def test_revision_and_moment_of_issue_come_from_the_importer() -> None:
    """Days to review are counted from that moment, and written back as a date."""
    issued = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
    changed = instead(DRAFT, "<ReviewWithin", "<Change>Widened the pattern.</Change><ReviewWithin")

    draft = read_draft(changed.encode(), revision=3, issued=issued, source="M0001.xml")

    assert (draft.mitigation.revision, draft.mitigation.issued) == (3, issued)
    assert draft.mitigation.review_by == date(2027, 3, 1)
    assert b"<ReviewBy>2027-03-01</ReviewBy>" in write_draft(draft)


def test_a_review_after_the_end_of_time_is_refused() -> None:
    """Nine thousand days from the last year are no date."""
    issued = datetime(9999, 1, 1, tzinfo=UTC)

    with pytest.raises(SchemaError) as refused:
        read_draft(instead(DRAFT, '"60"', '"9999"').encode(), revision=1, issued=issued, source="M0001.xml")

    assert refused.value.path == "/Mitigation/ReviewWithin"


def test_a_withdrawing_revision_can_be_kept_as_a_draft() -> None:
    """It keeps what it affects and does, so that agents know what to take back."""
    withdrawn = read(instead(DRAFT, 'severity="', 'status="withdrawn" severity="'))

    again = read_draft(write_draft(withdrawn), revision=1, issued=AT, source="draft")

    assert again.mitigation.status is Status.WITHDRAWN
    assert again == withdrawn
    assert again.mitigation.actions == read(DRAFT).mitigation.actions


def test_an_editor_hint_is_passed_over_and_never_fetched() -> None:
    """Many editors find the grammar by `xsi:schemaLocation`; the reader has its own."""
    hint = (
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="urn:feedsrv:authoring:1 http://127.0.0.1:9/authoring.xsd" id='
    )

    assert read(instead(DRAFT, "id=", hint)) == read(DRAFT)
