"""What the writer refuses: words that some reader would not read back as they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from feedsrv.codec.authoring import write_draft
from feedsrv.codec.catalogue import write_catalogue
from feedsrv.codec.feed import read_feed, write_feed
from feedsrv.codec.mitigation import read_mitigation, write_mitigation
from feedsrv.codec.parsing import NotPortableError, XmlError
from feedsrv.model.action import Condition, Grouping, InboundRule, UrlRewrite
from feedsrv.model.catalogue import Catalogue, Product, Release
from feedsrv.model.feed import Feed
from feedsrv.model.mitigation import Mitigation, RequestSample, Samples
from tests.unit.codec.documents import AT, DRAFT, FEED, MITIGATION, read

UNREADABLE: Final = ("\t", "\r", "\n", "\0", "\x1f", "\ufffe", "\uffff", "\ud800")


def ping(**changes: object) -> Mitigation:
    """The heartbeat, changed."""
    return replace(read_mitigation(MITIGATION.encode()), **changes)  # type: ignore[arg-type]  # any field


def feed(**changes: object) -> Feed:
    """A feed, changed."""
    return replace(read_feed(FEED.encode()), **changes)  # type: ignore[arg-type]  # any field


@pytest.mark.parametrize("character", UNREADABLE)
def test_what_xml_or_net_would_change_is_refused_in_texts(character: str) -> None:
    """By code, with the field named, whichever of the texts it is in."""
    spoilt = f"One{character}two"

    for field, path in (("title", "Title"), ("no_fix_yet", "NoFixYet"), ("known_issues", "KnownIssue[2]")):
        value = ("fine", spoilt) if field == "known_issues" else spoilt
        with pytest.raises(NotPortableError) as refused:
            write_mitigation(ping(**{field: value}))
        assert refused.value.code == "xml.not_portable"
        assert refused.value.path == f"/Mitigation/{path}"
        assert str(refused.value).startswith("mitigation PING1 revision 1, /Mitigation/")


@pytest.mark.parametrize("character", UNREADABLE)
def test_what_xml_or_net_would_change_is_refused_in_attributes(character: str) -> None:
    """A TAB in an attribute is a blank in .NET: the signature would hold here and fail there."""
    draft = read(DRAFT)
    rewrite = draft.mitigation.actions[0]
    assert isinstance(rewrite, UrlRewrite)
    assert isinstance(rewrite.rule, InboundRule)
    conditions = (Condition("{REQUEST_URI}", "fine"), Condition("{REQUEST_URI}", f"a{character}b"))
    spoilt = replace(rewrite, rule=replace(rewrite.rule, conditions=conditions))

    with pytest.raises(NotPortableError) as refused:
        write_mitigation(replace(draft.mitigation, actions=(spoilt,)))

    assert refused.value.path == "/Mitigation/Actions/UrlRewrite/Inbound/Conditions/Condition[2]/@pattern"


@pytest.mark.parametrize("text", [" begins", "ends ", "two  blanks", "", " "])
def test_a_text_that_readers_would_collapse_is_refused(text: str) -> None:
    """White space in texts does not count, so words may not depend on it; and no text is empty."""
    with pytest.raises(XmlError) as refused:
        write_mitigation(ping(title=text))

    assert refused.value.path == "/Mitigation/Title"


# What the model can say and the grammar cannot.
BEYOND: Final = (
    (ping(title="x" * 201), "xml.schema"),
    (ping(description="x" * 4001), "xml.schema"),
    (ping(references=("ftp://example.org/",)), "xml.schema"),
    (ping(known_issues=("x " * 1999 + "x",) * 200), "xml.too_large"),
    (ping(vulnerabilities=("CVE-2022-41040",) * 5000), "xml.too_many_elements"),
    (ping(issued=AT + timedelta(microseconds=1)), "xml.not_portable"),
)


@pytest.mark.parametrize(("mitigation", "code"), BEYOND, ids=range(len(BEYOND)))
def test_nothing_is_written_that_would_not_be_read(mitigation: Mitigation, code: str) -> None:
    """The writer holds its own bytes against limits and grammar."""
    with pytest.raises(XmlError) as refused:
        write_mitigation(mitigation)

    assert refused.value.code == code
    assert str(refused.value).startswith("mitigation PING1 revision 1")


def test_any_of_no_conditions_is_refused() -> None:
    """One of none must hold: nobody knows what that means, so it is not written."""
    rewrite = read(DRAFT).mitigation.actions[0]
    assert isinstance(rewrite, UrlRewrite)
    assert isinstance(rewrite.rule, InboundRule)
    rule = replace(rewrite.rule, conditions=(), grouping=Grouping.ANY)

    with pytest.raises(XmlError) as refused:
        write_mitigation(ping(actions=(replace(rewrite, rule=rule),)))

    assert refused.value.path == "/Mitigation/Actions/UrlRewrite/Inbound/Conditions"


def test_a_sample_that_names_no_action_is_refused() -> None:
    """As an author's editor would refuse it."""
    samples = Samples(must_block=(RequestSample("a", "/", action="A9"),))

    with pytest.raises(XmlError) as refused:
        write_draft(replace(read(DRAFT), samples=samples))

    assert refused.value.path == "/Mitigation/Samples/MustBlock"


def test_a_feed_of_half_seconds_is_refused() -> None:
    """Documents know whole seconds, for moments and for spans."""
    half = timedelta(seconds=0.5)

    for spoilt in (feed(poll=replace(feed().poll, jitter=half)), feed(expires=feed().expires + half)):
        with pytest.raises(XmlError) as refused:
            write_feed(spoilt)
        assert refused.value.path in {"/Feed/Poll/@jitter", "/Feed/@expires"}


def test_a_catalogue_without_products_is_refused() -> None:
    """An empty catalogue would make every product unknown."""
    with pytest.raises(XmlError) as refused:
        write_catalogue(Catalogue())

    assert refused.value.path == "/Catalogue"


def test_a_moment_elsewhere_is_written_in_utc() -> None:
    """The same moment gives the same bytes, wherever its clock stands."""
    there = datetime(2026, 5, 14, 14, 30, tzinfo=UTC).astimezone()

    assert write_mitigation(ping(issued=there)) == write_mitigation(ping(issued=there.astimezone(UTC)))


def test_a_thousand_products_are_a_catalogue_too_large_to_read() -> None:
    """The limits of readers hold for the catalogue as well."""
    release = replace(read_release(), name="x" * 200)
    many = tuple(replace(release, build=replace(release.build, security=number)) for number in range(7000))

    with pytest.raises(XmlError) as refused:
        write_catalogue(Catalogue.of([Product("exchange-2019", "Exchange", many)]))

    assert refused.value.code == "xml.too_many_elements"


def read_release() -> Release:
    """A release to multiply."""
    return Release(build=next(iter(ping().ranges()))[1].introduced, name="RTM", released=AT.date())
