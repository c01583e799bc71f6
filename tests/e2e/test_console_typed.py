"""What somebody typed outlives a sign-in that ended meanwhile, in real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from feedsrv.model.lifecycle import Role
from tests.desk import urgent
from tests.e2e.browsing import CHROMIUM, chromium, read, served
from tests.surface import Surface, said

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="missing on this machine: chromium"),
]
LONG_AGO = timedelta(hours=1)


@dataclass(frozen=True)
class Visit:
    """Somebody at a browser, and the desk that they look at."""

    page: Page
    address: str

    def open(self, path: str) -> None:
        """Go to a page."""
        self.page.goto(self.address + path)

    def sign_in(self, name: str = "paula", *, ago: timedelta = timedelta()) -> None:
        """Be somebody from now on, who signed in that long ago."""
        self.page.set_extra_http_headers(
            dict(said(name, Role.AUTHOR, Role.REVIEWER, Role.PUBLISHER, signed_in=ago))
        )

    def sign_out(self) -> None:
        """Be nobody."""
        self.page.set_extra_http_headers({})


@pytest.fixture
def visit() -> Iterator[Visit]:
    """A desk where M0009 is a draft, and paula before it."""
    surface = Surface.in_memory()
    surface.house.workflow.import_mitigation(urgent("M0009"), source="m.xml", by="anna")
    with chromium() as browser, served(surface.app) as address:
        found = Visit(read(browser, f"{address}/mitigations/M0009", headers={}).page, address)
        found.sign_in()
        found.open("/mitigations/M0009")
        found.page.set_default_timeout(5000)
        yield found


def _break_glass_too_late(page: Page, visit: Visit) -> None:
    page.get_by_text("Break the glass: approve alone").first.click()
    page.get_by_label("Reference of the incident").fill("INC-2041")
    page.get_by_label("Why can nobody else approve it?").fill("It is exploited, and all are asleep.")
    visit.sign_in(ago=LONG_AGO)
    page.get_by_role("button", name="Break the glass").click()


class TestActs:
    """What is typed beside a button that needs a fresh sign-in."""

    def test_people_are_told_when_they_will_be_asked_again(self, visit: Visit) -> None:
        """Before they type, not after."""
        visit.page.get_by_text("Break the glass: approve alone").first.click()

        expect(visit.page.get_by_text("You are asked to sign in again for this from").last).to_be_visible()

    def test_it_is_back_after_the_sign_in(self, visit: Visit) -> None:
        """The reason of an emergency is written once; nothing happens by itself."""
        page = visit.page

        _break_glass_too_late(page, visit)
        expect(page.get_by_text("What you typed is there again afterwards.")).to_be_visible()
        visit.sign_in()
        visit.open("/mitigations/M0009")

        expect(page.get_by_text("What you typed is back; nothing was done yet.")).to_be_visible()
        expect(page.get_by_label("Reference of the incident")).to_have_value("INC-2041")
        expect(page.get_by_label("Why can nobody else")).to_have_value("It is exploited, and all are asleep.")
        expect(page.get_by_text("draft").first).to_be_visible()

    def test_nobody_else_at_this_browser_sees_it(self, visit: Visit) -> None:
        """What paula typed is gone where ben signs in."""
        page = visit.page

        _break_glass_too_late(page, visit)
        visit.sign_in("ben")
        visit.open("/mitigations/M0009")

        expect(page.get_by_label("Reference of the incident")).to_have_value("")
        assert "INC-2041" not in page.evaluate("JSON.stringify(sessionStorage)")

    def test_it_comes_back_once(self, visit: Visit) -> None:
        """Later visits begin with empty fields again."""
        page = visit.page

        _break_glass_too_late(page, visit)
        visit.sign_in()
        visit.open("/mitigations/M0009")
        visit.open("/mitigations/M0009")

        expect(page.get_by_label("Reference of the incident")).to_have_value("")


class TestWriting:
    """An hour of writing."""

    def test_a_sign_in_that_ended_is_told_and_carries_nobody_off(self, visit: Visit) -> None:
        """The words stay where they are, and come along to the sign-in and back, rows and all."""
        page = visit.page
        visit.open("/mitigations/new?kind=inbound")
        page.get_by_role("button", name="Add one that must pass").click()
        page.get_by_label("Title").fill("No way in")
        expect(page.locator("#trial")).to_contain_text("fields")

        visit.sign_out()
        page.get_by_label("Title").fill("No way in by the back door")
        page.locator("#trial").get_by_role("link", name="Sign in again").click()
        visit.sign_in()
        visit.open("/")
        page.get_by_role("button", name="Bring it back").click()

        expect(page.get_by_label("Title")).to_have_value("No way in by the back door")
        expect(page.locator("fieldset.sample")).to_have_count(3)

    def test_words_sent_after_the_sign_in_ended_are_not_lost(self, visit: Visit) -> None:
        """Nor where the button was pressed."""
        page = visit.page
        visit.open("/mitigations/new?kind=pool")
        page.get_by_label("Title").fill("No pool")
        expect(page.locator("#trial")).to_contain_text("fields")

        visit.sign_out()
        page.get_by_role("button", name="Keep as draft").first.click()
        expect(page.locator("[data-holds-typed]")).to_be_visible()
        visit.sign_in()
        visit.open("/mitigations/new")
        page.get_by_role("button", name="Bring it back").click()

        expect(page.get_by_label("Title")).to_have_value("No pool")

    def test_whoever_hears_the_page_is_told_the_outcome_in_a_sentence(self, visit: Visit) -> None:
        """And not every line of it, each time that a letter is typed."""
        visit.open("/mitigations/new?kind=pool")

        expect(visit.page.locator("aside [role=status]").first).to_contain_text("not right yet")
        expect(visit.page.locator("#trial[aria-live]")).to_have_count(0)
