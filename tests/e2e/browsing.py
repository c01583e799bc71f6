"""A real browser, and what happens while a page is open in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from threading import Thread
from typing import Final

from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

CHROMIUM: Final = shutil.which("chromium")

# The contrast of every text with what lies behind it, as WCAG 2.2 reckons it; the page has no images.
CONTRASTS: Final = """
() => {
  const linear = c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const channel = value => linear(value / 255);
  const parts = colour => colour.match(/[0-9.]+/g).map(Number);
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const found = parts(getComputedStyle(e).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.textContent.trim());
    if (!own) continue;
    const [a, b] = [luminance(parts(getComputedStyle(element).color)), luminance(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push([element.tagName, element.className, ratio, element.textContent.slice(0, 40)]);
  }
  return poor;
}
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Real Chromium, without a window."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield launched
        launched.close()


class Reading:
    """A page that is open, and what happened while it was."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))


def read(
    browser: Browser,
    address: str,
    *,
    width: int = 1200,
    dark: bool = False,
    headers: Mapping[str, str] | None = None,
    scripts: bool = True,
) -> Reading:
    """Open a page at a width, in the light or in the dark; `headers` go along with every request."""
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if dark else "light",
        extra_http_headers=dict(headers or {}),
        java_script_enabled=scripts,
    )
    reading = Reading(context.new_page())
    reading.page.goto(address, wait_until="networkidle")
    return reading


AXE: Final = files("axe_playwright_python") / "axe.min.js"
_LEVELS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def barriers(
    browser: Browser, address: str, *, dark: bool = False, width: int = 1200, headers: Mapping[str, str]
) -> list[str]:
    """What axe-core finds in people's way on a page: WCAG 2.2 AA, and what it calls best practice.

    Its script is let past the page's policy, which is why nothing else is asked of such a visit.
    """
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if dark else "light",
        extra_http_headers=dict(headers),
        bypass_csp=True,
    )
    page = context.new_page()
    page.goto(address, wait_until="networkidle")
    # What is folded away must be fit for people, too.
    page.evaluate("document.querySelectorAll('details:not(.menu)').forEach(one => one.open = true)")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("levels => axe.run({runOnly: levels})", list(_LEVELS))
    context.close()
    return [
        f"{one['id']}: {one['help']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


class _Quiet(WSGIRequestHandler):
    """Says nothing of each request."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 -- as it is called there
        """Keep silent."""


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The address of an application that answers until the end, a thread for each request."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
