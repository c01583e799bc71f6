from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime

from bs4 import BeautifulSoup, Tag

from feedsrv.model.feed import EntryState
from feedsrv.web.index import make_index
from feedsrv.web.page import IndexPage, page_files, render_index
from tests.unit.web.published import ANCHOR, AT, catalogue, feeds, mitigations


def page(**changes: object) -> BeautifulSoup:
    """The page about the small publication."""
    return BeautifulSoup(html(**changes), "html.parser")


def html(**changes: object) -> bytes:
    """Its bytes."""
    words: dict[str, object] = {
        "publisher": "Contoso Product Security",
        "catalogue": catalogue(),
        "feeds": feeds(),
        "mitigations": mitigations(),
        "anchors": (ANCHOR,),
        "at": AT,
        **changes,
    }
    return make_index(**words)  # type: ignore[arg-type] # the words are those of the signature


def article(soup: BeautifulSoup, anchor: str) -> Tag:
    """One mitigation on the page."""
    found = soup.find("article", attrs={"aria-labelledby": anchor})
    assert isinstance(found, Tag)
    return found


def text(tag: Tag) -> str:
    """What a person reads there."""
    return " ".join(tag.get_text(" ").split())


class TestThePage:
    """What people read about what is published."""

    def test_a_mitigation_tells_all_that_an_administrator_asks(self) -> None:
        """What, since when, against what, what it breaks, how it is undone, and until when."""
        first = {"M0001": datetime(2026, 5, 2, tzinfo=UTC)}

        told = text(article(page(first_published=first), "exchange-2019-production-M0001"))

        for words in (
            "Block the server-side request forgery of Autodiscover",
            "M0001, revision 2",
            "critical",
            "In force since 2 May 2026 ; this revision since 14 May 2026",
            "Protects against CVE-2022-41040 , ACME-2022-7",
            "Block matching requests to Default Web Site/Autodiscover.",
            "To undo: remove that rule.",
            "Remote PowerShell through Autodiscover stops",
            "What this revision changed: The November 2022 security update for CU12 holds the fix.",
            "People look at it again by 1 September 2026",
        ):
            assert words in told

    def test_affected_builds_are_ranges_with_their_fix(self) -> None:
        """By number and by name, and which update ends it."""
        rows = article(page(), "exchange-2019-production-M0001").select("tbody tr")

        assert [text(row) for row in rows] == [
            "15.2.986.5 Exchange Server 2019 CU11 before 15.2.1118.0 build 15.2.1118.0",
            (
                "15.2.1118.7 Exchange Server 2019 CU12 before 15.2.1118.20 "
                "November 2022 security update for CU12 (KB5019758)"
            ),
        ]

    def test_no_fix_yet_is_said_in_words(self) -> None:
        """With the publisher's reason."""
        told = text(article(page(), "exchange-2019-production-M0002"))

        assert "every later build no fix yet" in told
        assert "The update is being tested; it is expected in June." in told
        assert "reaching 25 % of servers" in told

    def test_the_gravest_comes_first(self) -> None:
        """Whatever the ids."""
        swapped = [
            replace(one, severity=other.severity)
            for one, other in zip(mitigations()[:2], reversed(mitigations()[:2]), strict=True)
        ]

        anchors = [
            one["aria-labelledby"] for one in page(mitigations=[*swapped, *mitigations()[2:]])("article")
        ]

        assert anchors[:2] == ["exchange-2019-production-M0002", "exchange-2019-production-M0001"]

    def test_what_asks_nothing_of_anybody_is_only_named(self) -> None:
        """Withdrawn, superseded and the heartbeat, each with its reason."""
        superseded = replace(mitigations()[1], supersedes=("M0001",))
        new = [mitigations()[0], superseded, *mitigations()[2:]]
        told_feeds = [
            replace(
                feed,
                entries=tuple(
                    replace(entry, state=EntryState.SUPERSEDED) if entry.id == "M0001" else entry
                    for entry in feed.entries
                ),
            )
            for feed in feeds()
        ]

        section = page(mitigations=new, feeds=told_feeds).find(
            "section", attrs={"aria-labelledby": "exchange-2019-production"}
        )

        assert isinstance(section, Tag)
        quiet = text(section.find_all("table")[-1])
        assert "M0001, revision 2" in quiet
        assert "superseded by M0002" in quiet
        assert "M0003, revision 2 Stop an old service withdrawn: agents take it back" in quiet
        assert "PING1, revision 1 Heartbeat heartbeat" in quiet

    def test_a_preview_tells_only_what_production_does_not(self) -> None:
        """And how many more it holds."""
        soup = page()
        section = soup.find("section", attrs={"aria-labelledby": "exchange-2019-preview"})

        assert isinstance(section, Tag)
        assert [one["aria-labelledby"] for one in section("article")] == ["exchange-2019-preview-M0009"]
        assert "it holds 2 of the production channel" in text(section)

    def test_a_preview_without_production_tells_all(self) -> None:
        """Nothing is hidden behind a section that does not exist."""
        soup = page(feeds=[feed for feed in feeds() if feed.channel == "preview"])

        assert len(soup("article")) == 3

    def test_links_lead_to_signed_documents_and_to_the_web_only(self) -> None:
        """Relative below our own root; a reference of another scheme is text."""
        hrefs = {str(link["href"]) for link in page()("a")}

        assert "v1/mitigations/M0001/2.xml" in hrefs
        assert "v1/feeds/exchange-2019/production.xml" in hrefs
        assert "https://www.cve.org/CVERecord?id=CVE-2022-41040" in hrefs
        assert not [one for one in hrefs if not one.startswith(("v1/", "#", "https://"))]

    def test_what_publishers_write_stays_text(self) -> None:
        """A title with angle brackets is shown, not obeyed."""
        evil = replace(mitigations()[0], title="<script>alert(1)</script>", description='"><img src=x>')

        soup = page(mitigations=[evil, *mitigations()[1:]], publisher="<b>Contoso</b>")

        assert not soup("script")
        assert not soup("img")
        assert not soup("b")
        assert "<script>alert(1)</script>" in text(soup)

    def test_nothing_is_styled_or_scripted_inline(self) -> None:
        """The policy under which the page is sent would forbid it."""
        soup = page()

        assert not soup.select("style, script, [style], [onclick]")
        assert [link["href"] for link in soup("link")] == list(page_files())

    def test_fingerprints_are_there_to_compare(self) -> None:
        """One for each anchor."""
        soup = page(anchors=(ANCHOR, ANCHOR[::-1]))

        assert [text(code) for code in soup.select(".fingerprints code")] == [ANCHOR, ANCHOR[::-1]]
        assert "one of these anchors" in text(soup)

    def test_headings_go_down_one_step_at_a_time(self) -> None:
        """One h1; and every id is unique, so that links and labels lead somewhere."""
        soup = page()

        levels = [int(heading.name[1]) for heading in soup(["h1", "h2", "h3", "h4"])]
        ids = [tag["id"] for tag in soup.select("[id]")]

        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
        assert len(ids) == len(set(ids))
        targets = {str(link["href"])[1:] for link in soup.select("a[href^='#']")}
        labels = {str(tag["aria-labelledby"]) for tag in soup.select("[aria-labelledby]")}
        assert targets | labels <= {str(one) for one in ids}

    def test_tables_say_what_they_are(self) -> None:
        """Each has a caption and column headings; narrow screens show the heading at each cell."""
        for table in page()("table"):
            assert table.find("caption") is not None
            columns = [text(th) for th in table("th")]
            for row in table.select("tbody tr"):
                assert [cell["data-label"] for cell in row("td")] == columns

    def test_the_same_words_give_the_same_bytes(self) -> None:
        """Otherwise a refresh would change the page's tag for nothing."""
        assert html() == html()
        assert html(feeds=tuple(reversed(feeds()))) == html()

    def test_an_empty_page_says_so(self) -> None:
        """No table, no link into nowhere."""
        soup = BeautifulSoup(render_index(IndexPage("Contoso", (), (), AT)), "html.parser")

        assert "Nothing is published yet" in text(soup)
        assert not soup("table")
        assert {str(link["href"]) for link in soup("a")} == {"#content"}


def test_the_stylesheet_names_its_maker_and_licence() -> None:
    """It is somebody else's work, used under a licence that asks for this."""
    style = page_files()["style.css"]

    assert style.startswith(b"/* Simple.css 2.3.7, MIT License, Copyright (c) 2020 Simple.css (Kev Quirk)")
    assert b"url(" not in style
    assert b"@import" not in style
