from __future__ import annotations

import json
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import pytest
from flask import Blueprint
from lxml import etree
from werkzeug.test import Client

from feedsrv.errors import (
    BadInputError,
    ConflictError,
    FeedsrvError,
    NotAllowedError,
    NotFoundError,
    OperatorError,
    RefusedProofError,
    UnavailableError,
)
from feedsrv.web.app import create_app
from feedsrv.web.folder import FolderShelf
from tests.unit.web.published import AT, ISSUED, lay_out
from tests.unit.web.surface import FEED, client_of, get, published


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A shelf on which something is published."""
    return published(tmp_path)


@pytest.fixture
def client(folder: Path) -> Client:
    """Somebody who asks the public surface over that shelf."""
    return client_of(folder)


class TestProblems:
    """What goes wrong is said in one form, for programs and for people."""

    @pytest.mark.parametrize(
        "path",
        [
            "/v1/feeds/exchange-2019/none.xml",
            "/none",
            "/v1/",
            "/v1/feeds",
            f"{FEED}.gz",
            "/.production.xml.new",
            "/v1/../../etc/passwd",
            "/v1/%2e%2e/%2e%2e/etc/passwd.txt",
            "/v1/feeds//index.xml",
            "/v1/feeds/index.json/",
            "/\xff\xfe.xml",
        ],
    )
    def test_an_unknown_path_is_a_404_with_a_code(self, client: Client, path: str) -> None:
        """And nothing of the path comes back in the answer."""
        answer = get(client, path)

        assert answer.status_code == HTTPStatus.NOT_FOUND
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        document = json.loads(answer.data)
        assert document["status"] == HTTPStatus.NOT_FOUND
        assert document["code"] == "http.not_found"
        assert document["title"] == "Not Found"

    @pytest.mark.parametrize(
        "accept",
        [
            "application/xml",
            "application/problem+xml",
            "text/xml",
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8",
        ],
    )
    def test_who_reads_xml_gets_xml(self, client: Client, accept: str) -> None:
        """The same members, in the namespace of the standard."""
        answer = get(client, "/none.xml", Accept=accept)

        assert answer.headers["Content-Type"] == "application/problem+xml"
        root = etree.fromstring(answer.data)
        assert root.tag == "{urn:ietf:rfc:7807}problem"
        found = {str(etree.QName(child).localname): child.text for child in root}
        assert found["status"] == "404"
        assert found["code"] == "http.not_found"

    @pytest.mark.parametrize(
        ("branch", "status"),
        [
            (BadInputError, 400),
            (NotFoundError, 404),
            (NotAllowedError, 403),
            (ConflictError, 409),
            (RefusedProofError, 422),
            (UnavailableError, 503),
            (OperatorError, 500),
            (FeedsrvError, 500),
        ],
    )
    def test_the_branch_of_a_refusal_decides_the_status(
        self, folder: Path, branch: type[FeedsrvError], status: int
    ) -> None:
        """Its sentence goes out unless it speaks of this machine: then it is for the log."""
        client = Client(create_app(shelf=FolderShelf(folder), blueprints=[refusing(branch("</x> & \x00"))]))

        answer = client.get("/refuse", headers={"Accept": "application/xml"})

        assert answer.status_code == status
        root = etree.fromstring(answer.data)
        assert root.findtext("{*}code") == branch.code
        assert (root.findtext("{*}detail") == "</x> & ?") is (status != HTTPStatus.INTERNAL_SERVER_ERROR)
        assert ("Retry-After" in answer.headers) is (status == HTTPStatus.SERVICE_UNAVAILABLE)

    def test_a_crash_tells_strangers_nothing(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        """500 with a sentence; the trace is in the log."""
        client = Client(create_app(shelf=FolderShelf(folder), blueprints=[refusing(RuntimeError("secret"))]))

        answer = client.get("/refuse")

        assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
        assert b"secret" not in answer.data
        assert json.loads(answer.data)["code"] == "internal"
        assert "secret" in caplog.text

    def test_a_shelf_that_is_away_is_a_503(self, tmp_path: Path) -> None:
        """Agents come back; nothing tells them that the feed does not exist."""
        client = Client(create_app(shelf=shelf_away(tmp_path)))

        answer = client.get(FEED)

        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert int(answer.headers["Retry-After"]) > 0
        assert json.loads(answer.data)["code"] == "shelf.unreadable"
        assert client.head(FEED).data == b""


class TestHealth:
    """What is told to whoever restarts processes, routes requests and draws curves."""

    def test_a_process_that_answers_lives(self, tmp_path: Path) -> None:
        """Whatever is on the shelf: a restart would not put anything there."""
        answer = client_of(tmp_path).get("/healthz")

        assert answer.status_code == HTTPStatus.OK
        assert answer.json == {"status": "alive"}
        assert answer.headers["Cache-Control"] == "no-store"

    def test_a_fresh_feed_makes_it_ready(self, client: Client) -> None:
        """With every feed's version and end."""
        answer = client.get("/readyz")

        assert answer.status_code == HTTPStatus.OK
        assert answer.json is not None
        assert answer.json["status"] == "ready"
        assert answer.json["feeds"] == [
            {
                "product": "exchange-2019",
                "channel": "production",
                "version": 7,
                "expires": "2026-05-21T12:30:00Z",
                "expired": False,
            }
        ]

    def test_nothing_published_is_not_ready(self, tmp_path: Path) -> None:
        """There is nothing to route requests to."""
        answer = client_of(tmp_path).get("/readyz")

        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert answer.json is not None
        assert answer.json["reason"] == "no feed has been published yet"

    def test_feeds_that_all_expired_are_not_ready_but_served(self, folder: Path) -> None:
        """From the very second of expiry on; agents still get the last feed there was."""
        lay_out(folder, expires=AT)
        client = client_of(folder)

        assert client.get("/readyz").status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert client.get(FEED).status_code == HTTPStatus.OK

    @pytest.mark.parametrize(
        "damage",
        [b"", b"[]", b"{}", b'{"feeds": [{}]}', b'{"feeds": 7}', b'{"feeds": [{"product": "p"}]}', b"\xff"],
    )
    def test_a_damaged_list_is_not_ready_and_names_itself(self, folder: Path, damage: bytes) -> None:
        """The operator reads which file it is and what writes it anew."""
        (folder / "v1/feeds/index.json").write_bytes(damage)
        client = client_of(folder)

        ready = client.get("/readyz")
        metrics = client.get("/metrics")

        assert ready.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert ready.json is not None
        assert ready.json["code"] == "shelf.bad_listing"
        assert "v1/feeds/index.json" in ready.json["reason"]
        assert "feedsrv_shelf_readable 0.0" in metrics.text

    def test_a_shelf_that_is_away_is_not_ready(self, tmp_path: Path) -> None:
        """And the metrics still answer, to say so."""
        client = Client(create_app(shelf=shelf_away(tmp_path)))

        assert client.get("/readyz").status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert "feedsrv_shelf_readable 0.0" in client.get("/metrics").text

    def test_every_answer_is_counted_once(self, client: Client) -> None:
        """By what was asked for and how it ended, with the bytes that went out."""
        size = len(get(client, FEED).data)
        tag = get(client, FEED).headers["ETag"]
        get(client, FEED, If_None_Match=tag)
        client.head(FEED)
        client.get("/none")
        client.post(FEED)

        lines = client.get("/metrics").text.splitlines()

        assert 'feedsrv_http_answers_total{kind="feed",status="2xx"} 3.0' in lines
        assert 'feedsrv_http_answers_total{kind="feed",status="3xx"} 1.0' in lines
        assert 'feedsrv_http_answers_total{kind="other",status="4xx"} 2.0' in lines
        assert f'feedsrv_http_body_bytes_total{{kind="feed"}} {size * 2.0}' in lines

    def test_the_age_of_every_feed_is_told(self, client: Client) -> None:
        """What an alarm needs: version, age, and time left."""
        lines = client.get("/metrics").text.splitlines()

        labels = '{channel="production",product="exchange-2019"}'
        assert f"feedsrv_feed_version{labels} 7.0" in lines
        assert f"feedsrv_feed_age_seconds{labels} {(AT - ISSUED).total_seconds()}" in lines
        assert f"feedsrv_feed_expires_in_seconds{labels} {timedelta(hours=27).total_seconds()}" in lines


class TestBeforeTheFirstPublication:
    """A server that was just started."""

    def test_there_is_a_page_and_its_style(self, tmp_path: Path) -> None:
        """It says that nothing is published yet, under the publisher's name."""
        client = client_of(tmp_path)

        page = client.get("/")

        assert page.status_code == HTTPStatus.OK
        assert "Nothing is published yet" in page.text
        assert "Contoso" in page.text
        assert len(page.headers.getlist("Content-Security-Policy")) == 1
        assert "style-src 'self'" in page.headers["Content-Security-Policy"]
        assert client.get("/style.css").headers["Content-Type"] == "text/css; charset=utf-8"
        assert client.get("/icon.svg").headers["Content-Type"] == "image/svg+xml"

    def test_the_shelf_takes_over(self, tmp_path: Path) -> None:
        """With the first publication, the published page is the page."""
        client = client_of(tmp_path)
        assert "Nothing is published yet" in client.get("/").text

        lay_out(tmp_path)

        assert client.get("/").data == (tmp_path / "index.html").read_bytes()


def shelf_away(folder: Path) -> FolderShelf:
    """A shelf that cannot be read: its folder's name is longer than any disk allows."""
    return FolderShelf(folder / ("x" * 300))


def refusing(error: Exception) -> Blueprint:
    """A door that always fails so."""
    door = Blueprint("refusing", __name__)

    @door.get("/refuse")
    def refuse() -> str:
        raise error

    return door
