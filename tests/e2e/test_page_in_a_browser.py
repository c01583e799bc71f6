from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.e2e import browsing
from tests.e2e.browsing import CHROMIUM, CONTRASTS, Reading, chromium
from tests.e2e.web_servers import Server, gunicorn
from tests.unit.web.published import lay_out

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="missing on this machine: chromium"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Feedsrv with something published."""
    shelf = tmp_path_factory.mktemp("shelf")
    lay_out(shelf)
    with gunicorn(shelf, tmp_path_factory.mktemp("gunicorn"), workers=1) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Real Chromium, without a window."""
    with chromium() as launched:
        yield launched


def read(browser: Browser, server: Server, *, width: int = 1200, dark: bool = False) -> Reading:
    """Open the page at a width, in the light or in the dark."""
    return browsing.read(browser, f"http://127.0.0.1:{server.port}/", width=width, dark=dark)


class TestThePageInABrowser:
    """What a person sees, in real Chromium, under the policy that the server sends."""

    def test_it_loads_its_own_files_and_nothing_else(self, browser: Browser, server: Server) -> None:
        """No request leaves the server, and the browser has nothing to complain about."""
        reading = read(browser, server)
        origin = f"http://127.0.0.1:{server.port}"

        assert reading.requests == [f"{origin}/", f"{origin}/style.css", f"{origin}/icon.svg"]
        assert reading.complaints == []
        assert reading.page.title() == "Emergency mitigations: Contoso Product Security"

    def test_headings_lead_through_it(self, browser: Browser, server: Server) -> None:
        """As assistive technology hears them: by role and level, within landmarks."""
        page = read(browser, server).page

        assert page.get_by_role("heading", level=1).all_inner_texts() == ["Emergency mitigations"]
        assert page.get_by_role("heading", level=2).all_inner_texts() == [
            "Current feeds",
            "Exchange Server 2019",
            "Exchange Server 2019, preview channel",
            "Skype for Business Server 2019",
            "Whom to trust",
        ]
        for landmark in ("banner", "navigation", "main", "contentinfo"):
            assert page.get_by_role(landmark).count() == 1

    @pytest.mark.parametrize("width", [360, 600, 760, 1200])
    def test_nobody_scrolls_sideways(self, browser: Browser, server: Server, width: int) -> None:
        """On a telephone, at double zoom (600 is 1200 at 200 %), on a tablet, at a desk."""
        page = read(browser, server, width=width).page

        wide = page.evaluate("document.documentElement.scrollWidth")
        overflowing = page.evaluate(
            "[...document.querySelectorAll('figure')].filter(f => f.scrollWidth > f.clientWidth).length"
        )

        assert wide == width
        assert overflowing == 0

    @pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
    def test_every_text_can_be_read(self, browser: Browser, server: Server, dark: bool) -> None:
        """A contrast of 4.5 to 1 or more, by day and by night."""
        page = read(browser, server, dark=dark).page

        background = page.evaluate("getComputedStyle(document.body).backgroundColor")

        assert page.evaluate(CONTRASTS) == []
        assert (background != "rgb(255, 255, 255)") is dark

    def test_tables_stay_tables_on_a_telephone(self, browser: Browser, server: Server) -> None:
        """They look like cards there; whoever listens still hears rows and cells."""
        page = read(browser, server, width=360).page

        tables = page.get_by_role("table")

        assert tables.count() == page.locator("table").count() > 0
        assert tables.first.get_by_role("row").count() > 1
        assert (
            page.locator("td").first.evaluate("cell => getComputedStyle(cell, '::before').content")
            == '"Product: "'
        )

    def test_a_keyboard_is_enough(self, browser: Browser, server: Server) -> None:
        """The first stop skips to the content, and every stop shows where one is."""
        page = read(browser, server).page

        page.keyboard.press("Tab")
        first = page.evaluate("document.activeElement.textContent")
        visible = page.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
        page.keyboard.press("Enter")
        landed = page.evaluate("document.activeElement.id")
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")

        assert first == "Skip to the mitigations"
        assert visible
        assert landed == "content"
        assert outline == "solid"

    def test_its_links_are_answered(self, browser: Browser, server: Server) -> None:
        """Those to the documents that lie on this shelf, and to places on the page."""
        page = read(browser, server).page
        published = {
            f"/v1/{one}" for one in ("feeds/exchange-2019/production.xml", "mitigations/M0001/2.xml")
        }

        hrefs = set(page.evaluate("[...document.links].map(a => new URL(a.href).pathname)"))

        assert published <= hrefs
        for path in published:
            assert server.ask(path).status == 200


def test_before_the_first_publication_it_is_a_page_too(browser: Browser, tmp_path: Path) -> None:
    """With its style, without complaints."""
    with gunicorn(tmp_path / "shelf", tmp_path, workers=1) as server:
        reading = read(browser, server, width=360)

        assert reading.page.get_by_role("heading", level=2).all_inner_texts() == ["Nothing is published yet"]
        assert reading.page.evaluate("document.documentElement.scrollWidth") == 360
        assert reading.page.evaluate(CONTRASTS) == []
