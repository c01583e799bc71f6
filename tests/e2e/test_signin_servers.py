"""Signing in at real servers: several of them, each with several processes, over one database."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from feedsrv.model.lifecycle import Role
from feedsrv.web.signin.protection import COOKIE
from tests.commands import new_service
from tests.e2e.web_servers import free_port
from tests.oidc.desk import PASSWORD
from tests.oidc.serving import add_person, private_surface

pytestmark = pytest.mark.e2e

FORMS = {"Content-Type": "application/x-www-form-urlencoded"}
FORM = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Two servers with two processes each, as two hosts behind one name would be."""
    folder = tmp_path_factory.mktemp("hosts")
    service = new_service(folder)
    add_person(service, "anna", Role.AUTHOR)
    with ExitStack() as stack:
        yield (
            stack.enter_context(private_surface(service, free_port(), folder / "one.log", workers=2)),
            stack.enter_context(private_surface(service, free_port(), folder / "two.log", workers=2)),
        )


@dataclass
class Browser:
    """Keeps the one cookie that there is, and takes it for what a browser would: private on this machine."""

    cookie: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, url: str, **form: str) -> requests.Response:
        """One request; nothing is followed."""
        sent = {"Accept": "text/html", "Cookie": f"{COOKIE}={self.cookie}", **self.headers}
        answer = requests.request(
            method, url, data=form or None, headers=sent, allow_redirects=False, timeout=60
        )
        self.cookie = answer.cookies.get(COOKIE) or self.cookie
        return answer

    def sign_in(self, host: str, name: str, password: str) -> requests.Response:
        """Open the form, fill it in, and press the button."""
        found = FORM.search(self.ask("GET", f"{host}/signin").text)
        assert found is not None
        return self.ask("POST", f"{host}/signin", csrf_token=found[1], name=name, password=password)


def test_a_sign_in_counts_in_every_process_and_on_every_host(hosts: tuple[str, str]) -> None:
    """It is kept in the database, and the cookie is believed by all who share the secret."""
    browser = Browser()
    assert browser.sign_in(hosts[0], "anna", PASSWORD).status_code == 303

    seen = [browser.ask("GET", f"{host}/account").status_code for host in hosts * 6]

    assert seen == [200] * 12


def test_a_sign_out_on_one_host_is_a_sign_out_on_all(hosts: tuple[str, str]) -> None:
    """No process remembers somebody who has gone."""
    browser = Browser()
    browser.sign_in(hosts[0], "anna", PASSWORD)
    copy = Browser(browser.cookie)
    assert copy.ask("GET", f"{hosts[1]}/account").status_code == 200
    found = FORM.search(browser.ask("GET", f"{hosts[0]}/account").text)
    assert found is not None

    browser.ask("POST", f"{hosts[0]}/signout", csrf_token=found[1])

    assert [copy.ask("GET", f"{host}/account").status_code for host in hosts * 4] == [303] * 8


def test_tries_are_counted_over_processes_and_hosts(hosts: tuple[str, str]) -> None:
    """Of many at once, from wherever they are asked, twenty of one name pass and no more."""

    def attempt(number: int) -> int:
        return Browser().sign_in(hosts[number % 2], "a name that is guessed at", "wrong").status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = Counter(pool.map(attempt, range(28)))

    assert statuses == {403: 20, 429: 8}


def test_forwarding_headers_are_believed_by_nobody(hosts: tuple[str, str]) -> None:
    """Neither by the server nor by us: a stranger cannot make a plain connection look private."""
    forged = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Ssl": "on",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-For": "203.0.113.9",
        "Forwarded": "for=203.0.113.9;proto=https;host=evil.example",
    }

    answer = Browser(headers=forged).ask("GET", f"{hosts[0]}/signin")

    assert answer.status_code == 200
    assert "Strict-Transport-Security" not in answer.headers
    assert "evil.example" not in answer.text


@pytest.mark.parametrize("host", ["evil.example", "desk.evil.example:8081", "169.254.169.254", ""])
def test_other_names_are_refused(hosts: tuple[str, str], host: str) -> None:
    """Whatever leads here by another name is shown nothing."""
    answer = Browser(headers={"Host": host}).ask("GET", f"{hosts[0]}/signin")

    assert answer.status_code == 400


def test_a_request_that_is_too_large_is_refused(hosts: tuple[str, str]) -> None:
    """Whether it says its size or comes in pieces."""

    def pieces() -> Iterator[bytes]:
        yield b"name=anna&password="
        yield b"x" * 1000

    whole = requests.post(f"{hosts[0]}/signin", data=b"x" * 5_000_000, headers=FORMS, timeout=60)
    in_pieces = requests.post(f"{hosts[0]}/signin", data=pieces(), headers=FORMS, timeout=60)

    assert (whole.status_code, in_pieces.status_code) == (413, 411)


def test_nothing_of_it_is_in_the_log(
    hosts: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Neither passwords nor cookies."""
    browser = Browser()
    browser.sign_in(hosts[0], "anna", PASSWORD)
    folders = sorted(tmp_path_factory.getbasetemp().glob("hosts*"))

    logs = "".join(file.read_text() for folder in folders for file in Path(folder).glob("*.log"))

    assert PASSWORD not in logs
    assert browser.cookie not in logs
    assert "Traceback" not in logs
