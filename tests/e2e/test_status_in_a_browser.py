"""The private surface as gunicorn runs it, and its page in real Chromium."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.commands import new_service
from tests.e2e.browsing import CHROMIUM, CONTRASTS, chromium, read
from tests.e2e.web_servers import Server, gunicorn
from tests.publisher import shared_pki

PRIVATE = "feedsrv.wsgi:private()"
LOST = "v1/mitigations/M0001/1.xml"

pytestmark = pytest.mark.e2e
with_chromium = pytest.mark.skipif(CHROMIUM is None, reason="missing on this machine: chromium")


@dataclass(frozen=True)
class Surface:
    """A private surface, and the address of its status."""

    server: Server

    @property
    def status(self) -> str:
        """The page."""
        return f"http://127.0.0.1:{self.server.port}/status"


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surface]:
    """Over a service with something critical, and something to warn of."""
    home = tmp_path_factory.mktemp("private")
    new_service(home).data.rename(home / "data")
    shutil.copytree(shared_pki(), home / "data" / "keys")
    (home / "data" / "shelf" / LOST).unlink()
    (home / "data" / "shelf" / "v1/trust/anchors.pem").write_bytes(b"others")
    with gunicorn(home / "data" / "shelf", home, workers=1, application=PRIVATE) as running:
        yield Surface(running)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Real Chromium, without a window."""
    with chromium() as launched:
        yield launched


def test_it_answers_as_a_page_as_json_and_as_metrics(troubled: Surface) -> None:
    """From a process that was told where things lie, and nothing else."""
    server = troubled.server

    document = json.loads(server.ask("/status.json").body)
    metrics = server.ask("/metrics").body.decode()

    assert document["grade"] == "critical"
    assert f'feedsrv_check_grade{{check="shelf.astray",subject="{LOST}"}} 2.0' in metrics
    assert "feedsrv_certificate_ends_in_seconds{" in metrics
    assert server.ask("/healthz").status == 200
    assert server.ask("/v1/feeds/").status == 404


def test_the_public_surface_tells_nobody_how_things_stand(troubled: Surface, tmp_path: Path) -> None:
    """Which certificates end when is nothing for strangers."""
    with gunicorn(tmp_path / "shelf", tmp_path, workers=1) as public:
        assert [public.ask(path).status for path in ("/status", "/status.json")] == [404, 404]
        assert b"feedsrv_check_grade" not in public.ask("/metrics").body


@with_chromium
def test_it_loads_its_own_files_and_nothing_else(browser: Browser, troubled: Surface) -> None:
    """No request leaves the server, and the browser has nothing to complain about."""
    reading = read(browser, troubled.status)
    origin = troubled.status.removesuffix("/status")

    assert reading.requests == [troubled.status, f"{origin}/status.css", f"{origin}/icon.svg"]
    assert reading.complaints == []
    assert reading.page.title() == "CRITICAL: status of feedsrv"


@with_chromium
def test_the_worst_stands_first_with_what_to_do(browser: Browser, troubled: Surface) -> None:
    """As assistive technology hears it: by role and level, within landmarks."""
    page = read(browser, troubled.status).page

    assert page.get_by_role("status").inner_text() == (
        "Not all is well: 1 critical finding and 1 warning to look at."
    )
    headings = page.get_by_role("heading", level=2).all_inner_texts()
    assert [one.partition(" (")[0] for one in headings] == ["Critical", "Warnings", "In order"]
    first = page.get_by_role("article").first
    assert LOST in first.get_by_role("heading").inner_text()
    assert "Restore that file from a backup" in first.inner_text()
    for landmark in ("banner", "main", "contentinfo"):
        assert page.get_by_role(landmark).count() == 1


@with_chromium
@pytest.mark.parametrize("width", [360, 600, 760, 1200])
def test_nobody_scrolls_sideways(browser: Browser, troubled: Surface, width: int) -> None:
    """Though fingerprints are long."""
    page = read(browser, troubled.status, width=width).page

    assert page.evaluate("document.documentElement.scrollWidth") == width


@with_chromium
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_can_be_read(browser: Browser, troubled: Surface, dark: bool) -> None:
    """A contrast of 4.5 to 1 or more, by day and by night."""
    page = read(browser, troubled.status, dark=dark).page

    background = page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert page.evaluate(CONTRASTS) == []
    assert (background != "rgb(255, 255, 255)") is dark


@with_chromium
def test_a_keyboard_is_enough(browser: Browser, troubled: Surface) -> None:
    """The first stop skips to the findings."""
    page = read(browser, troubled.status).page

    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")

    assert first == "Skip to the findings"
    assert page.evaluate("document.activeElement.id") == "content"
