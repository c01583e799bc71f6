"""Signing in with real Chromium, at a real server, by a real provider or with a password."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from feedsrv.model.lifecycle import Role
from feedsrv.web.signin.protection import COOKIE
from tests.commands import new_service
from tests.e2e.browsing import AXE, CHROMIUM, chromium
from tests.e2e.web_servers import free_port
from tests.oidc.desk import PASSWORD
from tests.oidc.running import RealProvider, provider_fixture, running_fixture
from tests.oidc.serving import add_person, private_surface, with_provider

FIXTURES: Final = (running_fixture, provider_fixture)  # where pytest finds them
LEVELS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="missing on this machine: chromium"),
]


@dataclass(frozen=True)
class Desk:
    """A private surface that runs."""

    address: str

    @property
    def by_name(self) -> str:
        """The same, as `localhost`."""
        return self.address.replace("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
def desk(running: RealProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One where anna comes from the provider, and lisa has an account."""
    folder = tmp_path_factory.mktemp("desk")
    service = with_provider(new_service(folder), running)
    add_person(service, "lisa", Role.REVIEWER, Role.ADMINISTRATOR)
    with private_surface(service, free_port(), folder / "log") as address:
        running.set(redirectUris=[f"{address}/signin/callback"])
        yield Desk(address)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Real Chromium, without a window."""
    with chromium() as launched:
        yield launched


@dataclass(frozen=True)
class Visit:
    """A browser of its own, and what it complained of."""

    context: BrowserContext
    page: Page
    complaints: list[str]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Somebody opens their browser; at the end it had nothing to complain of."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(f"{message.location['url']}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield Visit(context, page, complaints)
    context.close()


def by_password(page: Page, address: str, password: str = PASSWORD) -> None:
    """Sign in as lisa."""
    page.goto(f"{address}/signin")
    page.get_by_label("Name").fill("lisa")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def at_the_provider(page: Page, account: str = "anna") -> None:
    """Do what the provider's page asks."""
    page.get_by_label("Account").fill(account)
    page.get_by_role("button", name="Continue").click()


def test_the_provider_leads_back_to_where_somebody_wanted_to_go(desk: Desk, visit: Visit) -> None:
    """From a page that needs a sign-in, to the provider, and back to that page."""
    page = visit.page
    page.goto(f"{desk.address}/account")

    page.get_by_role("button", name="Sign in with your organisation").click()
    at_the_provider(page)

    expect(page).to_have_url(f"{desk.address}/account")
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    expect(page.get_by_text("Anna Ahlgren")).to_be_visible()
    # The provider has no icon, which is no affair of ours.
    assert [one for one in visit.complaints if not one.endswith("404 (Not Found)")] == []


@pytest.mark.parametrize("named", ["127.0.0.1", "localhost"])
def test_chromium_keeps_the_cookie_on_this_machine(desk: Desk, visit: Visit, named: str) -> None:
    """Secure, for this host alone, and out of reach of scripts, over plain HTTP by either name."""
    address = desk.address if named == "127.0.0.1" else desk.by_name

    by_password(visit.page, address)

    expect(visit.page.get_by_text("lisa").first).to_be_visible()
    (cookie,) = visit.context.cookies()
    assert cookie.get("name") == COOKIE
    assert (cookie.get("secure"), cookie.get("httpOnly"), cookie.get("sameSite")) == (True, True, "Lax")
    assert (cookie.get("domain"), cookie.get("path"), cookie.get("expires")) == (named, "/", -1)
    assert visit.page.evaluate("document.cookie") == ""


def test_a_wrong_password_leaves_the_name_and_a_sentence(desk: Desk, visit: Visit) -> None:
    """One types the password alone once more."""
    by_password(visit.page, desk.address, "not it")

    expect(visit.page.get_by_role("alert")).to_contain_text("Wrong name or password")
    expect(visit.page.get_by_label("Name")).to_have_value("lisa")
    expect(visit.page.get_by_label("Password")).to_have_value("")
    expect(visit.page.get_by_label("Password")).to_be_focused()


def test_the_provider_asks_again_before_what_matters(desk: Desk, visit: Visit) -> None:
    """A session there is not enough: its page is shown once more, and leads back."""
    page = visit.page
    page.goto(f"{desk.address}/signin/provider?next=/account")
    at_the_provider(page)

    page.goto(f"{desk.address}/signin/again?next=/account")
    expect(page.get_by_label("Account")).to_be_visible()
    at_the_provider(page)

    expect(page).to_have_url(f"{desk.address}/account")


def test_a_password_is_asked_again_before_what_matters(desk: Desk, visit: Visit) -> None:
    """The name stands there already."""
    page = visit.page
    by_password(page, desk.address)
    page.goto(f"{desk.address}/signin/again?next=/account")

    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in again").click()

    expect(page).to_have_url(f"{desk.address}/account")


def test_after_signing_out_the_way_back_shows_nothing(desk: Desk, visit: Visit) -> None:
    """No page of before comes out of the browser's memory."""
    page = visit.page
    by_password(page, desk.address)
    page.goto(f"{desk.address}/account")
    page.locator("summary").filter(has_text="lisa").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out here.")).to_be_visible()

    page.go_back()

    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_text("Your account")).to_have_count(0)


def test_the_form_is_filled_in_with_the_keyboard_alone(desk: Desk, visit: Visit) -> None:
    """The name first, then the password, then Enter."""
    page = visit.page
    page.goto(f"{desk.address}/signin")

    page.keyboard.type("lisa")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")

    expect(page).to_have_url(f"{desk.address}/")


def test_another_sites_page_cannot_act_with_the_cookie(desk: Desk, visit: Visit) -> None:
    """A form elsewhere that is sent here by itself: the browser keeps the cookie back, and we refuse."""
    page = visit.page
    by_password(page, desk.address)
    expect(page).to_have_url(f"{desk.address}/")
    # The other name of this machine is another site to a browser.
    page.route(
        f"{desk.by_name}/bait",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f'<form method="post" action="{desk.address}/signout"><button>Win</button></form>',
        ),
    )
    page.goto(f"{desk.by_name}/bait")

    page.get_by_role("button", name="Win").click()

    expect(page.get_by_text("web.foreign_form")).to_be_visible()
    page.goto(f"{desk.address}/account")
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_the_pages_are_fit_for_everybody(
    browser: Browser, desk: Desk, *, dark: bool, width: int, tmp_path: Path
) -> None:
    """What axe-core finds in anybody's way: nothing, in the light and in the dark, on a desk and a phone."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", bypass_csp=True
    )
    page = context.new_page()
    found: dict[str, list[str]] = {}

    def look(name: str) -> None:
        page.wait_for_load_state("networkidle")
        page.screenshot(path=tmp_path / f"{name}-{width}-{'dark' if dark else 'light'}.png", full_page=True)
        page.evaluate(AXE.read_text("utf-8"))
        judged = page.evaluate("levels => axe.run({runOnly: levels})", LEVELS)
        found[name] = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in judged["violations"]]
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found[name] += [f"{wide} pixels too wide"] if wide > 0 else []

    page.goto(f"{desk.address}/signin")
    look("signin")
    by_password(page, desk.address, "not it")
    look("wrong")
    page.goto(f"{desk.address}/signin/callback?state=x&code=y")
    look("failed")
    by_password(page, desk.address)
    page.goto(f"{desk.address}/account")
    look("account")
    page.goto(f"{desk.address}/signin/again?next=/account")
    look("again")
    page.goto(f"{desk.address}/signin?out=1")
    context.close()

    assert found == {name: [] for name in found}
    assert len(found) == 5
