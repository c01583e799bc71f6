"""How often somebody may try."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from limits.storage import MemoryStorage, Storage

from feedsrv.model.lifecycle import Role
from feedsrv.publishing.people_records import CONSOLE, Principal
from feedsrv.stores.database import upgrade
from feedsrv.stores.sql_limits import SqlLimits
from tests.oidc.desk import PASSWORD, SignInDesk, csrf_token, whoami

PROGRAM: Final = {"Accept": "application/json"}


@pytest.fixture(params=["memory", "database"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """Where tries are counted: both kinds answer alike."""
    if request.param == "memory":
        yield MemoryStorage()
        return
    url = f"sqlite:///{tmp_path / 'limits.sqlite'}"
    upgrade(url)
    counters = SqlLimits(url)
    yield counters
    counters.close()


@pytest.fixture
def desk(storage: Storage) -> SignInDesk:
    """A desk where anna has an account."""
    made = SignInDesk(local=True, storage=storage)
    made.add("anna", Role.AUTHOR)
    return made


def try_password(desk: SignInDesk, name: str, *, address: str = "198.51.100.1") -> int:
    """Try a wrong password from an address; returns the status."""
    client = desk.client()
    client.environ_base["REMOTE_ADDR"] = address
    token = csrf_token(client, "/signin")
    return client.post("/signin", data={"csrf_token": token, "name": name, "password": "wrong"}).status_code


class TestPasswords:
    """Guessing passwords."""

    def test_an_address_may_try_thirty_times_in_five_minutes(self, desk: SignInDesk) -> None:
        """With whatever names; another address is not held up."""
        tried = [try_password(desk, f"somebody {number}") for number in range(31)]

        assert tried == [403] * 30 + [429]
        assert try_password(desk, "anna", address="198.51.100.2") == 403

    def test_a_name_may_be_tried_twenty_times_in_a_quarter_of_an_hour(self, desk: SignInDesk) -> None:
        """From however many addresses, and however it is typed."""
        names = ("anna", "ANNA", " anna ", "\uff41nna")

        tried = [
            try_password(desk, names[number % 4], address=f"198.51.100.{number}") for number in range(21)
        ]

        assert tried == [403] * 20 + [429]

    def test_a_network_of_ipv6_counts_as_one_address(self, desk: SignInDesk) -> None:
        """Everybody at home has more addresses than there are passwords."""
        tried = [
            try_password(desk, f"x{number}", address=f"2001:db8:1:2::{number:x}") for number in range(31)
        ]

        assert tried[-1] == 429
        assert try_password(desk, "anna", address="2001:db8:1:3::1") == 403

    @pytest.mark.parametrize("written", ["198.51.100.9:{}", "[2001:db8:1:2::9]:{}"])
    def test_a_port_beside_the_address_is_no_other_address(self, desk: SignInDesk, written: str) -> None:
        """Some proxies name it; whoever comes by another one is not held up."""
        tried = [try_password(desk, f"x{port}", address=written.format(port)) for port in range(31)]

        assert tried == [403] * 30 + [429]
        assert try_password(desk, "anna", address="198.51.100.8:1") == 403

    def test_who_must_wait_is_told_for_how_long(self, desk: SignInDesk) -> None:
        """As a page for people, with Retry-After for programs."""
        for number in range(30):
            try_password(desk, f"x{number}", address="127.0.0.1")
        client = desk.client()
        token = csrf_token(client, "/signin")

        answer = client.post("/signin", data={"csrf_token": token, "name": "anna", "password": PASSWORD})

        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 300
        assert "<h1" in answer.text
        assert whoami(client) is None

    def test_looking_at_pages_is_not_counted(self, desk: SignInDesk) -> None:
        """Only what tries something is."""
        client = desk.client()

        assert {client.get("/signin").status_code for _ in range(100)} == {200}


class TestTokens:
    """Programs, and who guesses tokens."""

    def test_guessing_tokens_ends_after_thirty(self, desk: SignInDesk) -> None:
        """By address; a good token from elsewhere works on."""
        client = desk.client()

        tried = [
            client.get(
                "/api/v1/whoami", headers={**PROGRAM, "Authorization": f"Bearer guess{number}"}
            ).status_code
            for number in range(31)
        ]

        assert tried == [401] * 30 + [429]
        good = {**PROGRAM, "Authorization": f"Bearer {_token(desk)}"}
        elsewhere = desk.client()
        elsewhere.environ_base["REMOTE_ADDR"] = "198.51.100.2"
        assert elsewhere.get("/api/v1/whoami", headers=good).status_code == 200

    def test_a_token_may_ask_six_hundred_times_a_minute(self, desk: SignInDesk) -> None:
        """Then it waits; another token does not."""
        client = desk.client()
        busy, other = ({**PROGRAM, "Authorization": f"Bearer {_token(desk)}"} for _ in range(2))

        asked = [client.get("/api/v1/whoami", headers=busy).status_code for _ in range(601)]

        assert asked == [200] * 600 + [429]
        assert client.get("/api/v1/whoami", headers=other).status_code == 200

    @pytest.mark.parametrize("path", ["/whoami", "/api/v1/nothing", "/api/v1/whoami"])
    def test_tokens_that_somebody_makes_up_are_not_written_down_without_end(
        self, desk: SignInDesk, path: str
    ) -> None:
        """Each is another one; the table of counts would grow with every request."""
        client = desk.client()

        for number in range(100):
            client.get(path, headers={**PROGRAM, "Authorization": f"Bearer guess{number}"})

        assert (desk.storage.reset() or 0) <= 31

    def test_a_refusal_is_a_problem_for_programs(self, desk: SignInDesk) -> None:
        """With a stable code, and the time to wait."""
        client = desk.client()
        guess = {**PROGRAM, "Authorization": "Bearer guess"}
        for _ in range(30):
            client.get("/api/v1/whoami", headers=guess)

        answer = client.get("/api/v1/whoami", headers=guess)

        assert answer.mimetype == "application/problem+json"
        assert answer.get_json()["code"] == "http.too_many_requests"
        assert int(answer.headers["Retry-After"]) > 0


def _token(desk: SignInDesk) -> str:
    anna = Principal("anna", frozenset({Role.AUTHOR}), CONSOLE, desk.clock(), "0" * 64)
    ends = desk.clock() + timedelta(days=3)
    return desk.people.make_token(name="ci", scope={Role.AUTHOR}, ends=ends, by=anna)[0]
