from __future__ import annotations

import re
from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient

from feedsrv.model.lifecycle import Role
from tests.publisher import heartbeat, written
from tests.surface import Surface, press, soup

HOSTILE = "&lt;script>alert(1)&lt;/script> {{ 7*7 }} \u202egpj.exe"


@pytest.fixture
def surface() -> Surface:
    """A desk in memory, with a catalogue."""
    return Surface.in_memory()


@pytest.fixture
def anna(surface: Surface) -> FlaskClient:
    """An author."""
    return surface.client("anna", Role.AUTHOR)


def words(page: BeautifulSoup, selector: str) -> list[str]:
    """What stands in each element that fits, on one line."""
    return [" ".join(one.get_text(" ", strip=True).split()) for one in page.select(selector)]


class TestWhatNeedsMe:
    """The front page."""

    def test_it_says_so_where_nothing_does(self, anna: FlaskClient) -> None:
        """An empty page would look broken."""
        page = soup(anna.get("/"))

        assert words(page, "main .empty")[0].startswith("Nothing waits for you, anna.")

    def test_each_role_sees_what_waits_for_it(self, surface: Surface) -> None:
        """A reviewer what others wrote, an author what came back, a publisher what is approved."""
        workflow = surface.house.workflow
        for number, by in ((1, "anna"), (2, "ben"), (3, "anna"), (4, "anna")):
            pool = f'<AppPool id="A1" name="Pool{number}"/>'
            workflow.import_mitigation(written(f"M000{number}", action=pool), source="m.xml", by=by)
            workflow.submit(f"M000{number}", by=by)
        workflow.return_("M0003", by="ben", reason="too broad")
        surface.house.approve("M0004")

        ben = soup(surface.client("ben", "reviewer").get("/"))
        author = soup(surface.client("anna", "author").get("/"))
        paula = soup(surface.client("paula", "publisher").get("/"))

        assert words(ben, "section[aria-labelledby=review] tbody th a") == ["M0001"]
        assert words(author, "section[aria-labelledby=returned] tbody th a") == ["M0003"]
        assert words(paula, "section[aria-labelledby=publish] tbody th a") == ["M0004"]
        assert paula.select("section[aria-labelledby=review]") == []

    def test_nobody_sees_it_without_signing_in(self, surface: Surface) -> None:
        """They are sent to the sign-in, which leads back to where they wanted to go."""
        answer = surface.client(None).get("/mitigations?stage=draft")

        assert answer.status_code == 303
        assert answer.location == "/signin?next=%2Fmitigations%3Fstage%3Ddraft"


class TestTheList:
    """Mitigations, page by page."""

    def test_it_narrows_by_stage_severity_and_words(self, surface: Surface, anna: FlaskClient) -> None:
        """Each filter leaves the others in force."""
        workflow = surface.house.workflow
        workflow.import_mitigation(written("M0001", title="Mail"), source="m.xml", by="anna")
        workflow.import_mitigation(written("M0002", title="Calendar"), source="m.xml", by="anna")
        workflow.submit("M0002", by="anna")

        found = soup(anna.get("/mitigations?stage=in+review&severity=high&search=cal"))
        nothing = soup(anna.get("/mitigations?stage=draft&search=cal"))

        assert words(found, "#results tbody th a") == ["M0002"]
        assert words(nothing, "#results .empty") == ["No mitigation fits this filter. Show all"]

    def test_it_goes_on_where_the_page_before_ended(self, surface: Surface, anna: FlaskClient) -> None:
        """By the last id of the page, with the filter kept."""
        for number in range(1, 53):
            draft = written(f"M{number:04}")
            surface.house.workflow.import_mitigation(draft, source="m.xml", by="anna")

        first = soup(anna.get("/mitigations?severity=high"))
        (onward,) = first.select("a[rel=next]")
        second = soup(anna.get(str(onward["href"])))

        assert onward["href"] == "/mitigations?after=M0050&severity=high"
        assert words(second, "#results tbody th a") == ["M0051", "M0052"]
        assert second.select("a[rel=next]") == []

    @pytest.mark.parametrize("query", ["stage=gone", "severity=%3Cb%3E", f"search={'x' * 101}"])
    def test_a_filter_that_there_is_not_is_refused_by_name(self, anna: FlaskClient, query: str) -> None:
        """Instead of a list that looks complete and is not."""
        answer = anna.get(f"/mitigations?{query}")

        assert answer.status_code == 400
        assert "console.bad_question" in answer.text
        assert "<b>" not in answer.text


class TestOneMitigation:
    """Everything that a reviewer must see before they decide."""

    def test_it_shows_words_effects_on_a_server_and_builds(self, surface: Surface, anna: FlaskClient) -> None:
        """For people first; the XML is one step away."""
        surface.house.workflow.import_mitigation(written(), source="m.xml", by="anna")

        page = soup(anna.get("/mitigations/M0001"))

        assert words(page, "h1") == ["No way in"]
        assert "stop application pool MSExchangeOWAAppPool" in words(page, "article h3")[0]
        assert "appcmd.exe stop apppool" in words(page, "article pre")[-1]
        assert "15.2.1118.7" in words(page, "section[aria-labelledby=builds]")[0]
        assert page.select("a[href='/mitigations/M0001/1.xml']")

    def test_the_document_is_served_as_it_will_be_signed(self, surface: Surface, anna: FlaskClient) -> None:
        """Byte for byte, and so that no browser takes it for a page."""
        made = surface.house.workflow.import_mitigation(written(), source="m.xml", by="anna").revision

        answer = anna.get("/mitigations/M0001/1.xml")

        assert answer.data == made.unsigned
        assert answer.content_type == "application/xml; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    def test_hostile_words_stay_words(self, surface: Surface, anna: FlaskClient) -> None:
        """Neither markup nor a template, wherever they stand."""
        document = written(title=f"A {HOSTILE.replace(chr(0x202E), '')}", change="")
        surface.house.workflow.import_mitigation(document, source="m.xml", by="anna")

        for path in ("/", "/mitigations", "/mitigations/M0001", "/mitigations/M0001/diff", "/notices"):
            text = anna.get(path).text
            assert "<script>alert" not in text
            assert "49" not in re.sub(r'(value|content|href|src)="[^"]*"', "", text)

    def test_the_checks_say_what_becomes_of_each_sample(self, surface: Surface, anna: FlaskClient) -> None:
        """Variants as expected are counted; all can be unfolded."""
        rule = (
            '<UrlRewrite id="A1" name="in"><Site name="Default Web Site"/>'
            '<Inbound pattern="^owa/evil" syntax="ECMAScript" ignoreCase="true" stopProcessing="true">'
            "<AbortRequest/></Inbound></UrlRewrite>"
        )
        samples = (
            '<Samples><MustBlock name="the attack" url="/owa/evil"/>'
            '<MustBlock name="missed" url="/ecp/evil"/><MustPass name="mail" url="/owa/"/></Samples>'
        )
        document = written(action=rule).replace(b"</Actions>", f"</Actions>{samples}".encode())
        surface.house.workflow.import_mitigation(document, source="m.xml", by="anna")

        page = soup(anna.get("/mitigations/M0001/1/checks"))
        rows = words(page, "table.samples tbody tr")

        assert any(row.startswith("the attack") and "blocked" in row for row in rows)
        assert any(row.startswith("missed") and "should block" in row for row in rows)
        assert any(row.startswith("mail") and "passes" in row for row in rows)
        assert any("S10" in finding for finding in words(page, ".findings li"))

    def test_a_diff_says_what_it_means_before_it_shows_lines(
        self, surface: Surface, anna: FlaskClient
    ) -> None:
        """With what it does elsewhere."""
        surface.house.bring(heartbeat(), written())
        pools = '<AppPool id="A1" name="MSExchangeECPAppPool"/>'
        again = written(change="Another pool is at risk.", action=pools)
        surface.house.workflow.import_mitigation(again, source="m.xml", by="anna")

        page = soup(anna.get("/mitigations/M0001/diff"))
        changes = words(page, "table.changes tbody tr")

        assert any("MSExchangeOWAAppPool MSExchangeECPAppPool" in one for one in changes)
        assert any("+ <AppPool" in one for one in words(page, "tr.changed .right"))
        headings = words(page, "h2")
        assert headings.index("What it means") < headings.index("Side by side")

    def test_what_is_not_there_is_said_in_words(self, anna: FlaskClient) -> None:
        """With ways to go on."""
        answer = anna.get("/mitigations/M9999")

        assert answer.status_code == 404
        assert words(soup(answer), "h1") == ["There is nothing here"]
        assert "there is no mitigation M9999" in answer.text


class TestFeeds:
    """What was published, by version."""

    def test_they_say_who_published_what_and_when(self, surface: Surface, anna: FlaskClient) -> None:
        """And what changed from one to the next."""
        surface.house.bring(heartbeat())
        surface.clock.at += timedelta(hours=1)
        surface.house.bring(written())

        feed = soup(anna.get("/feeds/exchange-2019/production"))
        compared = soup(anna.get("/feeds/exchange-2019/production/compare?from=1&to=2"))

        newest = words(feed, "section[aria-labelledby=versions] tbody tr")[0]
        assert newest.startswith("2 2026-11-22 13:30 UTC paula publication")
        assert words(compared, "tbody tr") == ["M0001 + added revision 1 is listed as active"]

    def test_a_version_is_judged_as_agents_would(self, surface: Surface, anna: FlaskClient) -> None:
        """Genuine and fresh; or tampered with on the shelf, and then refused with its reason."""
        surface.house.bring(heartbeat())
        path = "v1/feeds/exchange-2019/production/1.xml"
        address = "/feeds/exchange-2019/production/1?verify=yes"

        good = soup(anna.get(address))
        held = surface.house.shelf.get(path)
        assert held is not None
        surface.house.shelf.replace({path: held.replace(b"100", b"101")}, at=surface.clock.at)
        bad = soup(anna.get(address))

        assert words(good, ".message.done strong") == ["An agent would take it now."]
        assert words(bad, ".message.refused strong") == ["An agent would not take it."]

    def test_before_the_first_publication_they_say_how_one_begins(self, anna: FlaskClient) -> None:
        """Instead of an empty table."""
        assert "No feed was published yet" in anna.get("/feeds").text

    @pytest.mark.parametrize(
        "path", ["/feeds/x/y", "/feeds/exchange-2019/production/1", "/feeds/x/y/compare"]
    )
    def test_a_feed_that_there_is_not_is_said_in_words(self, anna: FlaskClient, path: str) -> None:
        """As a page, not as a crash."""
        answer = anna.get(path)

        assert answer.status_code == 404
        assert "publishing.unknown_feed" in answer.text


class TestNotices:
    """What everybody was told of."""

    def test_each_act_is_told_with_a_link(self, surface: Surface, anna: FlaskClient) -> None:
        """Newest first."""
        surface.house.workflow.import_mitigation(written(), source="m.xml", by="anna")
        press(anna, "/mitigations/M0001", "Submit for review")

        page = soup(anna.get("/notices"))

        assert words(page, ".news li a") == ["M0001 revision 1"]
        assert "anna asks for a review" in words(page, ".news li")[0]


class TestEveryPage:
    """What stands around each of them."""

    def test_the_navigation_shows_what_one_may_see(self, surface: Surface) -> None:
        """The page itself asks again."""
        author = words(soup(surface.client("anna", "author").get("/")), "nav.wide a")
        both = words(soup(surface.client("dora", "auditor", "administrator").get("/")), "nav.wide a")

        assert set(both) - set(author) == {"Audit log", "People", "Webhooks"}

    def test_nothing_in_it_is_inline(self, surface: Surface, anna: FlaskClient) -> None:
        """The policy forbids scripts and styles that do not come from files of ours."""
        surface.house.bring(heartbeat(), written())

        for path in (
            "/",
            "/mitigations",
            "/mitigations/M0001",
            "/mitigations/M0001/diff",
            "/publish",
            "/feeds",
        ):
            answer = anna.get(path)
            page = soup(answer)
            assert page.select("style, [style], script:not([src])") == []
            assert [one for tag in page.select("*") for one in tag.attrs if one.startswith("on")] == []
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["Cache-Control"] == "no-store"

    def test_what_pages_load_is_kept_by_browsers_until_it_changes(self, anna: FlaskClient) -> None:
        """Under its digest for ever; under another not at all; and nothing else of the package is served."""
        (sheet,) = soup(anna.get("/")).select("link[href*='desk.css']")

        named = anna.get(str(sheet["href"]))
        other = anna.get("/static/desk/desk.css?v=other")
        foreign = anna.get("/static/desk/status.css")

        assert "immutable" in named.headers["Cache-Control"]
        assert other.headers["Cache-Control"] == "no-store"
        assert foreign.status_code == 404
        assert anna.get("/favicon.ico", follow_redirects=True).mimetype == "image/svg+xml"
