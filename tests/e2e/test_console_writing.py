"""An author's and an administrator's day in real Chromium, with a script and without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from feedsrv.model.lifecycle import Role, Stage
from feedsrv.publishing.people_records import Principal
from tests.e2e.browsing import CHROMIUM, barriers, chromium, read, served
from tests.publisher import written
from tests.surface import Surface, said

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="missing on this machine: chromium"),
]

MITIGATIONS = Path(__file__).parents[2] / "mitigations"
PASSWORD = "a horse that nobody rides"  # noqa: S105 -- opens nothing
EVERYTHING = tuple(Role)
PAGES = {
    "begin": "/mitigations/new",
    "inbound rule": "/mitigations/new?kind=inbound",
    "outbound rule": "/mitigations/new?kind=outbound",
    "application pool": "/mitigations/new?kind=pool",
    "heartbeat": "/mitigations/new?kind=heartbeat",
    "edit": "/mitigations/M0002/edit",
    "catalogue": "/catalogue",
    "import": "/catalogue/import",
    "update": "/catalogue/updates/new",
    "one update": "/catalogue/updates/exchange-2019/15.2.1118.20",
    "rollout": "/rollout",
    "keys": "/keys",
    "audit": "/audit?verify=yes",
    "people": "/people",
    "somebody new": "/people/new",
    "one person": "/people/ben",
    "tokens": "/tokens",
    "webhooks": "/webhooks",
}


@dataclass(frozen=True)
class Open:
    """A surface that answers."""

    surface: Surface
    address: str

    def page(self, browser: Browser, path: str, name: str, *roles: Role, scripts: bool = True) -> Page:
        """Somebody opens a page."""
        return read(browser, self.address + path, headers=said(name, *roles), scripts=scripts).page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Real Chromium, without a window."""
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def furnished() -> Iterator[Open]:
    """A desk with something on every page; nothing here changes it."""
    surface = _furnished()
    rules = (MITIGATIONS / "M0002.xml").read_bytes()
    surface.house.workflow.import_mitigation(rules, source="M0002.xml", by="anna")
    surface.house.bring((MITIGATIONS / "PING1.xml").read_bytes())
    root = Principal("ada", frozenset(Role), "command line (account root)")
    surface.desk.people.add("ben", roles=[Role.REVIEWER], password=PASSWORD, by=root)
    surface.desk.people.sign_in_local("ben", PASSWORD, browser="Firefox on a train")
    with served(surface.app) as address:
        yield Open(surface, address)


@pytest.fixture
def desk() -> Iterator[Open]:
    """A desk for one test alone."""
    surface = _furnished()
    with served(surface.app) as address:
        yield Open(surface, address)


def _furnished() -> Surface:
    surface = Surface.in_memory()
    catalogue = (MITIGATIONS / "products.xml").read_bytes()
    surface.house.workflow.import_catalogue(catalogue, source="products.xml", by="anna")
    root = Principal("ada", frozenset(Role), "command line (account root)")
    surface.desk.people.add("ada", roles=EVERYTHING, password=None, by=root)
    return surface


class TestEveryPage:
    """What holds for each of them."""

    @pytest.mark.parametrize("name", PAGES)
    def test_puts_nothing_in_anybodys_way(self, furnished: Open, browser: Browser, name: str) -> None:
        """Axe-core finds nothing, by day and, on a narrow screen, by night."""
        headers = said("ada", *EVERYTHING)
        address = furnished.address + PAGES[name]

        found = barriers(browser, address, headers=headers)
        found += barriers(browser, address, dark=True, width=400, headers=headers)

        assert found == []

    @pytest.mark.parametrize("name", PAGES)
    def test_fits_every_screen_and_asks_nobody_else(
        self, furnished: Open, browser: Browser, name: str
    ) -> None:
        """Nothing scrolls sideways at 320 pixels, nor at 200 %; no policy is broken; all is ours."""
        headers = said("ada", *EVERYTHING)

        for width in (320, 640, 1280):
            opened = read(browser, furnished.address + PAGES[name], headers=headers, width=width)
            widths = opened.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
            foreign = [one for one in opened.requests if not one.startswith(furnished.address + "/")]
            opened.page.context.close()

            assert widths[0] <= widths[1], f"{name} at {width}"
            assert (opened.complaints, foreign) == ([], [])


class TestAnAuthor:
    """Writes a mitigation from nothing."""

    def test_writes_sees_an_objection_mends_it_and_submits(self, desk: Open, browser: Browser) -> None:
        """What the rules say shows while somebody types; the rows come without the page being loaded anew."""
        page = desk.page(browser, "/mitigations/new", "anna", Role.AUTHOR)
        page.get_by_role("link", name="Inbound rule").click()
        page.get_by_label("Id", exact=True).fill("M0010")
        page.get_by_label("Title").fill("Block the exercise")
        page.get_by_label("Description").first.fill("Nothing lies there; it is for practice.")
        page.get_by_label("Product").fill("exchange-2019")
        page.get_by_label("First affected build").fill("15.2.1118.7")
        page.get_by_label("Name of the rule, for people").fill("Exercise - inbound")
        page.get_by_label("Pattern for the path, without its first slash").fill("^feedsrv-exercise/")
        page.get_by_role("button", name="Remove: And only where 1").click()
        expect(page.get_by_label("Server variable")).to_have_count(0)
        for number, (name, url) in enumerate((("as written", "/feedsrv-exercise/a"), ("OWA", "/owa/"))):
            page.get_by_label("What it shows").nth(number).fill(name)
            page.get_by_label("Path and query").nth(number).fill(url)
        trial = page.locator("#trial")
        expect(trial).to_contain_text("S2")
        expect(trial).to_contain_text("blocked by A1")
        expect(trial).to_contain_text("feedsrv-exercise")

        page.get_by_label("Why there is no fix yet").fill("It is an exercise.")
        expect(trial).to_contain_text("Nobody objects.")
        page.get_by_role("button", name="Keep as draft").first.click()
        page.get_by_role("button", name="Submit for review").first.click()
        page.wait_for_load_state("networkidle")

        found = desk.surface.house.workflow.show_mitigation("M0010")
        assert (found.stage, found.author) == (Stage.IN_REVIEW, "anna")
        assert desk.surface.house.workflow.lint("M0010") == ()

    def test_needs_no_script(self, desk: Open, browser: Browser) -> None:
        """A slip is found, its link leads to the field, Enter keeps nothing; then it is kept."""
        page = desk.page(browser, "/mitigations/new?kind=pool", "anna", Role.AUTHOR, scripts=False)
        page.get_by_label("Title").fill("Stop a pool")
        page.get_by_label("Description").fill("While the fix is made.")
        page.get_by_label("Name of the application pool").fill("MSExchangeOWAAppPool")
        page.get_by_label("Why there is no fix yet").fill("It is being made.")
        page.get_by_label("Product").fill("exchange-2019")
        page.get_by_label("First affected build").fill("15.2")
        page.keyboard.press("Enter")
        page.locator("#slips a").first.click()
        target = page.url.partition("#")[2]
        assert desk.surface.house.workflow.list_mitigations() == ()

        page.get_by_label("First affected build").fill("15.2.1118.7")
        page.get_by_role("button", name="Add a range").click()
        page.get_by_role("button", name="Remove: range 2").click()
        page.get_by_role("button", name="Keep as draft").first.click()

        assert target == "affects-0-introduced"
        assert page.url == f"{desk.address}/mitigations/M0001"
        assert desk.surface.house.workflow.show_mitigation("M0001").stage is Stage.DRAFT


class TestAnAdministrator:
    """Lets people in, and registers what fixes things."""

    def test_adds_somebody_and_ends_their_sign_in(self, desk: Open, browser: Browser) -> None:
        """Two pages, a few fields, and it holds at once."""
        page = desk.page(browser, "/people", "ada", *EVERYTHING)
        page.get_by_role("button", name="Add somebody").click()
        page.get_by_label("Name", exact=False).first.fill("ben")
        page.get_by_label("reviewer").check()
        page.get_by_label("First password").fill(PASSWORD)
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("status")).to_contain_text("Added.")
        desk.surface.desk.people.sign_in_local("ben", PASSWORD, browser="Firefox on a train")

        page.reload()
        page.get_by_role("button", name="End this sign-in").click()

        expect(page.get_by_role("status")).to_contain_text("That sign-in is ended.")
        assert desk.surface.desk.people.sign_ins_of("ben") == ()

    def test_registers_an_update_after_seeing_what_it_drafts(self, desk: Open, browser: Browser) -> None:
        """The first step shows the next revision; only the second makes it."""
        desk.surface.house.bring(written("M0010"))
        page = desk.page(browser, "/catalogue", "ada", *EVERYTHING)
        page.get_by_role("button", name="Register an update").click()
        page.get_by_label("Product").select_option("exchange-2019")
        for label, value in (
            ("Build", "15.2.1748.99"),
            ("Public name", "CU15 Exercise"),
            ("Day of release", "2026-11-20"),
            ("Makes needless", "M0010"),
        ):
            page.get_by_label(label).fill(value)
        page.get_by_role("button", name="See what it would do").click()
        expect(page.get_by_role("article")).to_contain_text("M0010 revision 2")
        assert len(desk.surface.house.workflow.history("M0010")) == 1

        page.get_by_role("button", name="Yes, register it and draft this revision").click()

        expect(page.get_by_role("status")).to_contain_text("Registered.")
        assert desk.surface.house.workflow.show_mitigation("M0010").stage is Stage.IN_REVIEW
