"""The page at /api/ in a real browser: it works, asks nobody else for anything, and keeps to its policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import ConsoleMessage, Request

from tests.e2e.browsing import chromium, served
from tests.programs import Programs

pytestmark = pytest.mark.e2e


def test_the_description_is_browsed_and_tried_offline() -> None:
    """Every operation is listed, one is tried with a token, and the browser complains of nothing."""
    programs = Programs()
    token = programs.token("anna", "author")
    said: list[str] = []
    asked: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        said.append(f"{message.type}: {message.text}")

    def see(request: Request) -> None:
        asked.append(request.url)

    with served(programs.app) as address, chromium() as browser:
        page = browser.new_page()
        page.on("console", hear)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", see)
        answer = page.goto(f"{address}/api/")
        assert answer is not None
        page.wait_for_selector("#operations-you-who_am_i, .opblock-tag")
        tags = page.locator(".opblock-tag").count()

        page.locator(".opblock-tag[data-tag=you]").click()
        page.locator("button.authorize").first.click()
        page.locator(".modal-ux input").fill(token)
        page.locator(".modal-ux button.authorize").click()
        page.locator(".modal-ux button.btn-done").click()
        page.locator("#operations-you-who_am_i .opblock-summary-control").click()
        page.locator("#operations-you-who_am_i .try-out__btn").click()
        page.locator("#operations-you-who_am_i button.execute").click()
        page.wait_for_selector("#operations-you-who_am_i .live-responses-table .microlight")
        shown = page.locator("#operations-you-who_am_i .live-responses-table").inner_text()
        policy = answer.headers["content-security-policy"]

    assert tags == 11
    assert '"name": "anna"' in shown
    assert "unsafe" not in policy
    assert said == []
    assert {url.split("/")[2] for url in asked if not url.startswith("data:")} == {address.split("/")[2]}
