"""A team's whole day, in real browsers, on a real service: everybody signs in, nobody is pretended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from feedsrv.model.lifecycle import Role
from tests.commands import Service, new_service
from tests.e2e.browsing import CHROMIUM, chromium
from tests.e2e.web_servers import free_port
from tests.oidc.desk import PASSWORD
from tests.oidc.serving import add_person, private_surface

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="missing on this machine: chromium"),
]

TEAM: Final = {
    "ada": (Role.ADMINISTRATOR,),
    "anna": (Role.AUTHOR,),
    "ben": (Role.REVIEWER,),
    "pia": (Role.PUBLISHER, Role.AUTHOR),
    "otto": (Role.AUDITOR,),
}
MITIGATION: Final = """<?xml version="1.0" encoding="UTF-8"?>
<Mitigation xmlns="urn:feedsrv:authoring:1" id="M0042" severity="high">
  <Title>Stop the POP3 service</Title>
  <Description>Its parser can be made to run code. Nobody can fetch mail by POP3 meanwhile.</Description>
  <Vulnerability id="CVE-2026-12345"/>
  {change}<ReviewWithin days="{days}"/>
  <NoFixYet>The fix is being built.</NoFixYet>
  <KnownIssue>Nobody can fetch mail by POP3.</KnownIssue>
  <Affects product="exchange-se"><Range introduced="15.2.2562.17"/></Affects>
  <Actions>
    <Service id="A1" name="{name}"/>
  </Actions>
</Mitigation>
"""


@dataclass
class Desk:
    """The desk of a service that runs, and whoever is signed in there."""

    address: str
    browser: Browser
    pages: dict[str, Page] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def of(self, name: str) -> Page:
        """The page of somebody, who signs in where they have not yet."""
        if name not in self.pages:
            context = self.browser.new_context(base_url=self.address, viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.on("console", lambda message: self.complaints.append(f"{message.text} {message.location}"))
            page.on("pageerror", lambda error: self.complaints.append(str(error)))
            page.goto("/")
            page.get_by_label("Name").fill(name)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("What needs me")
            self.pages[name] = page
        return self.pages[name]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """One that has published, and a team that may sign in."""
    made = new_service(tmp_path_factory.mktemp("day"))
    team = Service(made.data, {"FEEDSRV_AS": "ada"})
    for name, roles in TEAM.items():
        add_person(team, name, *roles)
    return team


@pytest.fixture(scope="module")
def desk(service: Service) -> Iterator[Desk]:
    """Its private surface, as `feedsrv serve` runs it, and real Chromium."""
    log = service.data / "desk.log"
    with private_surface(service, free_port(), log) as address, chromium() as browser:
        yield Desk(address, browser)


def upload(page: Page, folder: Path, **words: str) -> None:
    """Hand in a mitigation as a file, and ask for its review."""
    file = folder / "M0042.xml"
    file.write_text(MITIGATION.format(**{"days": "30", "change": "", "name": "MSExchangePop3", **words}))
    page.goto("/mitigations/new")
    page.get_by_label("A file as in").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Stop the POP3 service")


def press(page: Page, label: str) -> None:
    """Press the button of an act."""
    page.get_by_role("button", name=label, exact=True).click()


def test_a_mitigation_goes_from_its_author_to_the_feed(desk: Desk, service: Service, tmp_path: Path) -> None:
    """Written by one, returned and approved by another, published by a third; then the auditor looks."""
    anna, ben, pia, otto = (desk.of(name) for name in ("anna", "ben", "pia", "otto"))

    upload(anna, tmp_path)
    press(anna, "Submit for review")

    ben.goto("/")
    ben.get_by_role("link", name="M0042").first.click()
    expect(ben.get_by_text("POP3").first).to_be_visible()
    ben.get_by_label("What should change?").fill("Say which servers use POP3 at all.")
    press(ben, "Return with a comment")

    anna.goto("/")
    anna.get_by_role("link", name="M0042").first.click()
    expect(anna.get_by_text("Say which servers use POP3 at all.")).to_be_visible()
    press(anna, "Submit for review")
    expect(anna.get_by_role("button", name="Approve these words", exact=True)).to_have_count(0)

    ben.goto("/mitigations/M0042")
    press(ben, "Approve these words")

    pia.goto("/publish")
    expect(pia.get_by_role("main")).to_contain_text("M0042")
    press(pia, "Sign and publish")
    expect(pia.get_by_role("main")).to_contain_text("published M0042 revision 1", timeout=60_000)

    feed = (service.data / "shelf/v1/feeds/exchange-se/production.xml").read_text()
    assert re.search(r'id="M0042"', feed)
    otto.goto("/audit?subject=M0042")
    for told in ("import", "submit", "return", "approve"):
        expect(otto.get_by_role("main")).to_contain_text(told)
    assert desk.complaints == []


def test_one_person_alone_breaks_the_glass_and_another_stands_for_it(
    desk: Desk, service: Service, tmp_path: Path
) -> None:
    """Everybody sees it on every page, until somebody who had no hand in it countersigns."""
    pia, ben, otto = (desk.of(name) for name in ("pia", "ben", "otto"))
    change = "<Change>The IMAP service has the same hole.</Change>"

    upload(pia, tmp_path, days="5", change=change, name="MSExchangeImap4")
    pia.locator("summary", has_text="Break the glass").click()
    pia.get_by_label("Reference of the incident").fill("INC-2041")
    pia.get_by_label("Why can nobody else approve it?").fill("It is exploited now, and nobody else answers.")
    press(pia, "Break the glass: approve alone")
    pia.goto("/publish")
    press(pia, "Sign and publish")
    expect(pia.get_by_role("main")).to_contain_text("published M0042 revision 2", timeout=60_000)

    otto.goto("/feeds")
    expect(otto.get_by_text("INC-2041").first).to_be_visible()
    ben.goto("/mitigations/M0042")
    press(ben, "Countersign these words")
    otto.goto("/feeds")
    expect(otto.get_by_text("INC-2041")).to_have_count(0)

    assert "break-glass" in service.done("audit", "list")
    assert desk.complaints == []


def test_whoever_is_removed_is_out_with_the_next_click(desk: Desk) -> None:
    """An administrator removes somebody who is signed in; their page asks them to sign in."""
    ada, otto = desk.of("ada"), desk.of("otto")

    ada.goto("/people/otto")
    ada.locator("summary", has_text="Remove otto").click()
    press(ada, "Remove otto")

    otto.goto("/feeds")
    expect(otto.get_by_role("heading", level=1)).to_have_text("Sign in")
