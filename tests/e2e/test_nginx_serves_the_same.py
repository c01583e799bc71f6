from __future__ import annotations

import http.client
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from tests.e2e.web_servers import Answer, Server, ask, gunicorn, nginx
from tests.unit.web.published import CURRENT, lay_out

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("nginx") is None, reason="missing on this machine: nginx"),
]

# What a client or a cache goes by. A tag's value may differ: each server makes its own.
MATTERS = (
    "Content-Type",
    "Content-Length",
    "Content-Encoding",
    "Cache-Control",
    "Last-Modified",
    "Vary",
    "X-Content-Type-Options",
    "Content-Security-Policy",
    "Referrer-Policy",
    "Accept-Ranges",
)
# And what a cache needs to go on with what it has.
MATTERS_UNCHANGED = ("Cache-Control", "Vary")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shelf with every kind of file, and some things that are nobody's business."""
    folder = tmp_path_factory.mktemp("shelf")
    lay_out(folder)
    (folder / ".hidden.xml").write_bytes(b"hidden")
    (folder / "v1/feeds/exchange-2019/.production.xml.new").write_bytes(b"unfinished")
    (folder / "v1/key.pfx").write_bytes(b"of another kind")
    (folder.parent / "outside.xml").write_bytes(b"outside")
    (folder / "v1/linked.xml").symlink_to(folder.parent / "outside.xml")
    return folder


@pytest.fixture(scope="module")
def ours(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Feedsrv itself."""
    with gunicorn(shelf, tmp_path_factory.mktemp("gunicorn"), workers=1) as server:
        yield server


@pytest.fixture(scope="module")
def theirs(shelf: Path, ours: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Real nginx with the documented sample, over the same folder."""
    with nginx(shelf, tmp_path_factory.mktemp("nginx"), upstream=ours.port) as server:
        yield server


def paths(shelf: Path) -> list[str]:
    """Every URL path that is published."""
    files = [str(file.relative_to(shelf)) for file in sorted(shelf.rglob("*")) if file.is_file()]
    private = (".gz", ".new", ".pfx", ".hidden.xml", "linked.xml")
    return ["/", "/v1/feeds/", *(f"/{one}" for one in files if not one.endswith(private))]


def essence(answer: Answer, names: tuple[str, ...] = MATTERS) -> dict[str, tuple[str, ...]]:
    """What must be equal."""
    return {name: answer.all(name) for name in names}


class TestNginxOnTheShelf:
    """The sample in the documentation serves what feedsrv serves: every byte, every header that matters."""

    @pytest.mark.parametrize("encoding", ["identity", "gzip"])
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_every_file_goes_out_alike(
        self, shelf: Path, ours: Server, theirs: Server, encoding: str, method: str
    ) -> None:
        """With and without compression, with and without a body."""
        found = paths(shelf)

        assert len(found) > 12
        for path in found:
            mine = ours.ask(path, method, Accept_Encoding=encoding)
            other = theirs.ask(path, method, Accept_Encoding=encoding)
            assert (path, mine.status) == (path, 200) == (path, other.status)
            assert (path, essence(mine)) == (path, essence(other))
            assert mine.body == other.body

    @pytest.mark.parametrize("encoding", ["identity", "gzip"])
    def test_each_answers_304_to_its_own_tag_and_date(
        self, shelf: Path, ours: Server, theirs: Server, encoding: str
    ) -> None:
        """And both to the date of the other, which is the file's."""
        for path in paths(shelf):
            for server in (ours, theirs):
                full = server.ask(path, Accept_Encoding=encoding)
                asked_again = (
                    {"If_None_Match": full.one("ETag")},
                    {"If_None_Match": f'"x", W/{full.one("ETag")}'},
                    {"If_Modified_Since": full.one("Last-Modified")},
                    {"If_Modified_Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
                )
                for condition in asked_again:
                    answer = server.ask(path, Accept_Encoding=encoding, **condition)
                    assert (path, condition, answer.status, answer.body) == (path, condition, 304, b"")
                    assert answer.one("ETag") == full.one("ETag")
                    assert essence(answer, MATTERS_UNCHANGED) == essence(full, MATTERS_UNCHANGED)

    def test_a_compressed_answer_has_a_tag_of_its_own(self, ours: Server, theirs: Server) -> None:
        """Otherwise a cache could hand out one for the other."""
        for server in (ours, theirs):
            tags = {
                server.ask(f"/{CURRENT}", Accept_Encoding=one).one("ETag") for one in ("identity", "gzip")
            }
            assert len(tags) == 2

    @pytest.mark.parametrize("accept", ["application/json", "application/xml", "*/*"])
    def test_the_list_of_feeds_is_negotiated_alike(self, ours: Server, theirs: Server, accept: str) -> None:
        """The same file for the same wish."""
        mine, other = (server.ask("/v1/feeds/", Accept=accept) for server in (ours, theirs))

        assert mine.body == other.body
        assert essence(mine) == essence(other)

    @pytest.mark.parametrize(
        "path",
        [
            "/none.xml",
            "/v1/",
            "/v1/feeds/exchange-2019/",
            f"/{CURRENT}.gz",
            "/.hidden.xml",
            "/v1/feeds/exchange-2019/.production.xml.new",
            "/v1/key.pfx",
            "/v1/linked.xml",
            "/v1/%2e%2e/outside.xml",
        ],
    )
    @pytest.mark.parametrize("accept", ["application/json", "application/xml"])
    def test_what_is_not_published_is_the_same_problem(
        self, ours: Server, theirs: Server, path: str, accept: str
    ) -> None:
        """Hidden, unfinished, linked, of another kind, or not there at all."""
        mine, other = (server.ask(path, Accept=accept) for server in (ours, theirs))

        assert mine.status == other.status == 404
        names = ("Content-Type", "Cache-Control", "Vary", "X-Content-Type-Options", "Content-Security-Policy")
        assert essence(mine, names) == essence(other, names)
        assert members(mine) == members(other)

    def test_nobody_climbs_out_of_the_shelf(self, ours: Server, theirs: Server) -> None:
        """Each says no in its own way: nginx calls such a path malformed."""
        for server in (ours, theirs):
            assert server.ask("/v1/..%2f..%2foutside.xml").status in (400, 404)
            assert server.ask("/../outside.xml").status in (400, 404)

    def test_writing_is_refused_alike(self, ours: Server, theirs: Server) -> None:
        """With the methods there are."""
        mine, other = (server.ask(f"/{CURRENT}", "POST", Content_Length="0") for server in (ours, theirs))

        assert mine.status == other.status == 405
        assert mine.all("Allow") == other.all("Allow") == ("GET", "HEAD")
        assert members(mine) == members(other)

    def test_half_a_document_is_never_sent(self, ours: Server, theirs: Server) -> None:
        """A range is ignored by both."""
        for server in (ours, theirs):
            assert server.ask(f"/{CURRENT}", Range="bytes=0-9").status == 200

    def test_health_is_asked_of_feedsrv(self, theirs: Server) -> None:
        """Through nginx, to the process behind it."""
        assert theirs.ask("/healthz").status == 200
        assert b"feedsrv_feed_version" in theirs.ask("/metrics").body

    def test_a_flood_from_one_address_is_told_to_wait(self, shelf: Path, tmp_path: Path) -> None:
        """429 with the time after which to come back; agents honour it."""
        with nginx(shelf, tmp_path) as server:
            answer = flood(server.connect())

        assert answer.status == 429
        assert int(answer.one("Retry-After")) > 0
        assert json.loads(answer.body)["code"] == "http.too_many_requests"


def flood(connection: http.client.HTTPConnection) -> Answer:
    """Ask until it is too much, for two thousand times at most."""
    answer = ask(connection, f"/{CURRENT}")
    for _ in range(2000):
        if answer.status != 200:
            break
        answer = ask(connection, f"/{CURRENT}")
    connection.close()
    return answer


def members(answer: Answer) -> dict[str, str]:
    """The members of a problem, in either form."""
    if answer.one("Content-Type").endswith("xml"):
        root = etree.fromstring(answer.body)
        return {str(etree.QName(one).localname): one.text or "" for one in root}
    return {name: str(value) for name, value in json.loads(answer.body).items()}
