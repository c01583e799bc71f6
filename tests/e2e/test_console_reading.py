"""The reading and deciding pages in real Chromium: for everybody, with and without scripts, and silent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browsing import CHROMIUM, Reading, barriers, chromium, read, served
from tests.publisher import written
from tests.surface import STALE, Surface, said

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="missing on this machine: chromium"),
]

MITIGATIONS = Path(__file__).parents[2] / "mitigations"
SHORT = ('days="30"', 'days="7"')

# Every kind of page here, with something on it: name, path, person, roles.
PAGES = {
    "home": ("/", "ben", ("author", "reviewer", "publisher")),
    "home, with nothing to do": ("/", "zoe", ()),
    "list": ("/mitigations", "anna", ("author",)),
    "list, where nothing fits": ("/mitigations?search=zzz", "anna", ("author",)),
    "a new one in review": ("/mitigations/M0001", "ben", ("reviewer", "publisher")),
    "a change in review": ("/mitigations/M0010", "ben", ("reviewer",)),
    "a returned draft": ("/mitigations/M0012", "anna", ("author",)),
    "an emergency": ("/mitigations/M0014", "ben", ("reviewer",)),
    "what is out": ("/mitigations/PING1", "anna", ("author",)),
    "rules and samples": ("/mitigations/M0001/1/checks", "ben", ("reviewer",)),
    "diff": ("/mitigations/M0010/diff", "ben", ("reviewer",)),
    "publish": ("/publish", "paula", ("publisher",)),
    "feeds": ("/feeds", "zoe", ("auditor",)),
    "feed": ("/feeds/exchange-2019/production", "zoe", ("auditor",)),
    "feed version": ("/feeds/exchange-2019/production/2?verify=yes", "zoe", ("auditor",)),
    "feed compared": ("/feeds/exchange-2019/production/compare?from=1&to=2", "zoe", ()),
    "notices": ("/notices", "zoe", ()),
    "nothing there": ("/mitigations/M9999", "zoe", ()),
}


@dataclass(frozen=True)
class Open:
    """A surface that answers."""

    surface: Surface
    address: str

    def read(self, browser: Browser, path: str, name: str, *roles: str, **how: object) -> Reading:
        """Somebody opens a page."""
        since = how.pop("signed_in", timedelta())
        assert isinstance(since, timedelta)
        headers = said(name, *roles, signed_in=since)
        return read(browser, self.address + path, headers=headers, **how)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Real Chromium, without a window."""
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def furnished() -> Iterator[Open]:
    """A desk in the middle of a day; nothing here changes it."""
    surface = _furnished()
    with served(surface.app) as address:
        yield Open(surface, address)


@pytest.fixture
def desk() -> Iterator[Open]:
    """The same, for one test alone."""
    surface = _furnished()
    with served(surface.app) as address:
        yield Open(surface, address)


def _furnished() -> Surface:
    surface = Surface.in_memory()
    house, workflow = surface.house, surface.house.workflow
    workflow.import_catalogue((MITIGATIONS / "products.xml").read_bytes(), source="products.xml", by="anna")
    house.bring((MITIGATIONS / "PING1.xml").read_bytes())
    surface.clock.at += timedelta(days=1)
    house.bring(written("M0010", title="Outlook on the web: stop it while the fix is made"))
    rules = (MITIGATIONS / "M0001.xml").read_bytes()
    workflow.import_mitigation(rules, source="M0001.xml", by="anna")
    workflow.submit("M0001", by="anna")
    pools = '<AppPool id="A1" name="MSExchangeOWAAppPool"/><AppPool id="A2" name="MSExchangeECPAppPool"/>'
    again = written("M0010", title="Outlook on the web: stop more", change="More is at risk.", action=pools)
    workflow.import_mitigation(again, source="M0010.xml", by="carl")
    workflow.submit("M0010", by="carl")
    workflow.import_mitigation(written("M0012", title="Returned"), source="M0012.xml", by="anna")
    workflow.submit("M0012", by="anna")
    workflow.return_("M0012", by="ben", reason="The range begins too late.")
    workflow.import_mitigation(written("M0013", title="Ready to go"), source="M0013.xml", by="anna")
    house.approve("M0013")
    short = written("M0014", title="Emergency").decode().replace(*SHORT).encode()
    workflow.import_mitigation(short, source="M0014.xml", by="anna")
    digest = workflow.submit("M0014", by="anna").digest
    reason = "Everybody else is asleep"
    workflow.break_glass("M0014", by="paula", digest=digest, incident="INC-2041", reason=reason)
    return surface


class TestEveryPage:
    """What holds for each of them."""

    @pytest.mark.parametrize("name", PAGES)
    def test_puts_nothing_in_anybodys_way(self, furnished: Open, browser: Browser, name: str) -> None:
        """Axe-core finds nothing, by day and by night, with everything unfolded."""
        path, person, roles = PAGES[name]

        found = [
            f"{'dark' if dark else 'light'} {one}"
            for dark in (False, True)
            for one in barriers(browser, furnished.address + path, dark=dark, headers=said(person, *roles))
        ]

        assert found == []

    @pytest.mark.parametrize("name", PAGES)
    def test_fits_every_screen_and_asks_nobody_else(
        self, furnished: Open, browser: Browser, name: str
    ) -> None:
        """Nothing scrolls sideways on a telephone, nor at 200 % zoom; no policy is broken; all is ours."""
        path, person, roles = PAGES[name]

        for width in (320, 640, 1280):
            opened = furnished.read(browser, path, person, *roles, width=width)
            widths = opened.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
            complaints = [one for one in opened.complaints if "404" not in one]
            foreign = [one for one in opened.requests if not one.startswith(furnished.address + "/")]
            alarm = opened.page.get_by_role("alert").first.inner_text()
            opened.page.context.close()

            assert widths[0] <= widths[1], f"{name} at {width}"
            assert (complaints, foreign) == ([], [])
            assert "INC-2041" in alarm

    @pytest.mark.parametrize("name", ["home", "a change in review", "list", "publish"])
    def test_can_be_walked_by_keyboard(self, furnished: Open, browser: Browser, name: str) -> None:
        """The first step leads past the navigation; each stop is seen, and all of the page is reached."""
        path, person, roles = PAGES[name]
        page = furnished.read(browser, path, person, *roles).page

        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")

        stops = 0
        while page.evaluate("document.querySelector('main').contains(document.activeElement)"):
            assert page.evaluate(_IS_SEEN), page.evaluate("document.activeElement.outerHTML")
            stops += 1
            assert stops < 200
            page.keyboard.press("Tab")
        page.context.close()

        reachable = page_stops(furnished, browser, name)
        assert stops == reachable


_IS_SEEN = """() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
}"""
_STOPS = """() => [...document.querySelectorAll(
  "main :is(a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0'])"
)].filter(one => one.checkVisibility({contentVisibilityAuto: true})).length"""


def page_stops(furnished: Open, browser: Browser, name: str) -> int:
    """How many places of a page's own part can be stopped at."""
    path, person, roles = PAGES[name]
    page = furnished.read(browser, path, person, *roles).page
    stops: int = page.evaluate(_STOPS)
    page.context.close()
    return stops


class TestTheReviewersDay:
    """Somebody is told that something waits, looks, and decides."""

    def test_they_see_what_changes_and_approve_what_they_saw(self, desk: Open, browser: Browser) -> None:
        """From the front page to the approval, with the checks asked on the way."""
        opened = desk.read(browser, "/", "ben", "reviewer")
        page = opened.page

        page.get_by_role("region", name="To review").get_by_role("link", name="M0010").click()
        expect(page.get_by_role("cell", name="MSExchangeECPAppPool")).to_be_visible()
        expect(page.locator("#checks").get_by_text("Every rule was asked")).to_be_visible()
        page.get_by_role("button", name="Approve these words").click()

        expect(page.get_by_role("status").filter(has_text="Approved")).to_be_visible()
        assert desk.surface.house.workflow.show_mitigation("M0010").approved_by == "ben"
        assert opened.complaints == []

    def test_they_need_no_script_for_it(self, desk: Open, browser: Browser) -> None:
        """The same with scripts switched off: the checks are a page of their own."""
        page = desk.read(browser, "/mitigations/M0010", "ben", "reviewer", scripts=False).page

        page.get_by_role("link", name="Ask the rules and try the sample requests").click()
        expect(page.get_by_text("Every rule was asked")).to_be_visible()
        page.get_by_role("link", name="M0010 revision 2").click()
        page.get_by_label("What should change?").fill("Say which versions of the control panel.")
        page.get_by_role("button", name="Return with a comment").click()

        expect(page.get_by_text("Returned by ben")).to_be_visible()
        returned = desk.surface.house.workflow.show_mitigation("M0010").returned
        assert returned is not None
        assert returned.reason.startswith("Say which versions")

    def test_they_are_told_what_became_of_it_meanwhile(self, desk: Open, browser: Browser) -> None:
        """Its author edits it while they read: the approval hits nothing, and they see the new words."""
        page = desk.read(browser, "/mitigations/M0010", "ben", "reviewer").page
        workflow = desk.surface.house.workflow
        edited = written("M0010", title="Outlook on the web: other words", change="Another change.")
        workflow.import_mitigation(edited, source="M0010.xml", by="carl")
        workflow.submit("M0010", by="carl")

        page.get_by_role("button", name="Approve these words").click()

        expect(page.get_by_role("alert").filter(has_text="Nothing was changed")).to_be_visible()
        expect(page.get_by_role("heading", name="Outlook on the web: other words")).to_be_visible()
        assert workflow.show_mitigation("M0010").approved_by is None

    def test_after_a_while_they_are_asked_who_they_are(self, desk: Open, browser: Browser) -> None:
        """Approving is behind a new sign-in, which leads back here; returning is not."""
        page = desk.read(browser, "/mitigations/M0010", "ben", "reviewer", signed_in=STALE).page

        link = page.get_by_role("link", name="Sign in again, then approve these words")

        expect(link).to_have_attribute("href", "/signin/again?next=%2Fmitigations%2FM0010")
        expect(page.get_by_role("button", name="Return with a comment")).to_be_visible()
        expect(page.get_by_role("button", name="Approve these words")).to_have_count(0)


class TestTheListOfMitigations:
    """Finding one among many."""

    def test_it_narrows_while_somebody_types(self, furnished: Open, browser: Browser) -> None:
        """The address follows, so that it can be sent to somebody."""
        opened = furnished.read(browser, "/mitigations", "anna", "author")
        page = opened.page

        page.get_by_label("Id or title").press_sequentially("emer")

        expect(page.get_by_text("1 mitigation that fit")).to_be_visible()
        expect(page).to_have_url(re.compile("search=emer"))
        assert page.get_by_role("row").count() == 2
        assert opened.complaints == []
        page.context.close()


class TestThePublishersDay:
    """What is approved goes out, and they see each step."""

    def test_they_see_every_step_and_the_outcome(self, desk: Open, browser: Browser) -> None:
        """Ten steps, and sentences that say what is current now."""
        opened = desk.read(browser, "/publish", "paula", "publisher")
        page = opened.page

        page.get_by_role("button", name="Sign and publish").click()

        expect(page.get_by_text("published M0013 revision 1")).to_be_visible(timeout=30_000)
        steps = page.get_by_role("log").get_by_role("listitem")
        assert steps.count() == 10
        assert steps.last.inner_text().endswith("Recorded the outcome")
        assert desk.surface.house.read_feed().version == 3
        assert opened.complaints == []

    def test_two_presses_are_one_publication(self, desk: Open, browser: Browser) -> None:
        """The second press of an impatient finger is not sent."""
        page = desk.read(browser, "/publish", "paula", "publisher").page

        _press_twice(page)

        expect(page.get_by_text("published M0013 revision 1")).to_be_visible(timeout=30_000)


def _press_twice(page: Page) -> None:
    page.get_by_role("button", name="Sign and publish").dblclick(no_wait_after=True)
