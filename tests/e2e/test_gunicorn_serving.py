from __future__ import annotations

import gzip
import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from feedsrv.web import gunicorn_conf
from feedsrv.web.metrics import TELL_EVERY
from tests.e2e.web_servers import Answer, Server, ask, gunicorn
from tests.unit.web.published import CURRENT, lay_out, put

pytestmark = pytest.mark.e2e

FEED = f"/{CURRENT}"


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A shelf on which something is published."""
    folder = tmp_path / "shelf"
    lay_out(folder)
    return folder


@pytest.fixture
def server(shelf: Path, tmp_path: Path) -> Iterator[Server]:
    """Two workers over that shelf."""
    with gunicorn(shelf, tmp_path, workers=2) as running:
        yield running


def workers_of(server: Server) -> list[int]:
    """The process ids of its workers."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return [int(pid) for pid in children.read_text().split()]


class TestUnderGunicorn:
    """The real server with our settings: two processes, sixteen threads each."""

    def test_every_worker_serves_a_new_version_within_a_second(self, server: Server, shelf: Path) -> None:
        """Without a restart. Each worker is asked alone, by stopping the other."""
        before = server.ask(FEED)
        workers = workers_of(server)
        for pid in workers:
            asked_alone(server, pid, workers)
        new = b"<Feed version='8'/>"

        put(shelf, CURRENT, new)
        time.sleep(1.0)  # the promise itself: one second, and no more

        assert len(workers) == 2
        assert before.body != new
        for pid in workers:
            answer = asked_alone(server, pid, workers)
            assert answer.body == new
            assert answer.one("ETag") != before.one("ETag")
        assert server.ask(FEED, If_None_Match=before.one("ETag")).status == 200

    def test_one_connection_serves_many_requests(self, server: Server) -> None:
        """Full answers, 304s, HEADs, gzip and problems leave it in step."""
        connection = server.connect()
        full = ask(connection, FEED)
        opened = connection.sock

        for _ in range(20):
            assert ask(connection, FEED).body == full.body
            assert ask(connection, FEED, If_None_Match=full.one("ETag")).status == 304
            head = ask(connection, FEED, "HEAD")
            assert (head.status, head.body) == (200, b"")
            assert head.one("Content-Length") == str(len(full.body))
            packed = ask(connection, FEED, Accept_Encoding="gzip")
            assert gzip.decompress(packed.body) == full.body
            assert ask(connection, "/none").status == 404
            assert ask(connection, FEED, "POST", Content_Length="0").status == 405

        assert connection.sock is opened
        connection.close()

    def test_counts_are_the_sum_over_all_workers(self, server: Server) -> None:
        """Whichever worker is asked, it tells of every one, and says the same as the other."""
        workers = workers_of(server)
        for pid in workers:
            for _ in range(5):
                asked_alone(server, pid, workers)
        time.sleep(TELL_EVERY + 0.5)  # by so much one worker may lag behind in what another tells
        told = [asked_alone(server, pid, workers, "/metrics").body.decode() for pid in workers]

        for text in told:
            assert 'feedsrv_http_answers_total{kind="feed",status="2xx"} 10.0' in text.splitlines()
            assert (
                'feedsrv_feed_version{channel="production",product="exchange-2019"} 7.0' in text.splitlines()
            )

    def test_slow_clients_do_not_stand_in_the_way(self, server: Server) -> None:
        """A dozen that send a request a byte at a time, or nothing, and others are served at once."""
        slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(12)]
        for number, one in enumerate(slow):
            if number % 2:
                one.sendall(b"GET /v1/feeds/")

        answers = [server.ask(FEED).status for _ in range(50)]

        assert answers == [200] * 50
        slow[1].sendall(b" HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n\r\n")
        assert slow[1].recv(12) == b"HTTP/1.1 200"
        for one in slow:
            one.close()

    def test_stalled_clients_do_not_hold_the_server_for_ever(self, shelf: Path, tmp_path: Path) -> None:
        """More of them than threads: once they have stalled for a while, others get their turn."""
        with gunicorn(shelf, tmp_path, workers=1) as server:
            stalled = [
                socket.create_connection(("127.0.0.1", server.port)) for _ in range(gunicorn_conf.threads + 4)
            ]
            for one in stalled:
                one.sendall(b"GET /v1/feeds/ HTTP/1.1\r\nHost:")

            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=8 * gunicorn_conf.STALL)
            answer = ask(connection, FEED)

            assert answer.status == 200
            connection.close()
            for one in stalled:
                one.close()
        assert "Traceback" not in (tmp_path / "server.log").read_text()

    def test_a_stopped_server_finishes_what_it_began(self, shelf: Path, tmp_path: Path) -> None:
        """SIGTERM in the middle of a large answer: it arrives whole, and then all processes are gone."""
        large = os.urandom(24 * 2**20)
        put(shelf, "v1/bundles/exchange-2019/production.zip", large)
        with gunicorn(shelf, tmp_path) as server:
            workers = workers_of(server)
            connection = server.connect()
            connection.request("GET", "/v1/bundles/exchange-2019/production.zip")
            answer = connection.getresponse()
            begun = answer.read(1000)

            server.process.send_signal(signal.SIGTERM)
            rest = answer.read()

            assert begun + rest == large
            connection.close()
            assert server.process.wait(15) == 0
            assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]

    def test_oversized_requests_are_refused(self, server: Server) -> None:
        """Neither a long path nor many or long fields reach the application."""
        assert server.ask("/" + "x" * 3000).status in (400, 414)
        assert server.ask(FEED, X_Long="x" * 5000).status in (400, 431)
        assert server.ask(FEED, **{f"X_{number}": "x" for number in range(60)}).status in (400, 431)

    def test_a_worker_at_rest_is_small(self, server: Server) -> None:
        """At most 90 MiB resident, after it has served every kind of answer."""
        for path in (FEED, "/", "/none", "/metrics", "/readyz"):
            for pid in workers_of(server):
                asked_alone(server, pid, workers_of(server), path)

        for pid in workers_of(server):
            assert resident_mebibytes(pid) <= 90

    def test_nothing_is_left_behind(self, shelf: Path, tmp_path: Path) -> None:
        """The counters' folder goes with the last process; no control socket is made at home."""
        before = set(Path("/dev/shm").glob("feedsrv-counts-*"))
        with gunicorn(shelf, tmp_path) as server:
            mine = set(Path("/dev/shm").glob("feedsrv-counts-*")) - before
            assert mine
            server.process.terminate()
            server.process.wait(15)

        assert not mine & set(Path("/dev/shm").glob("feedsrv-counts-*"))
        assert not (tmp_path / ".gunicorn").exists()


def asked_alone(server: Server, pid: int, workers: list[int], path: str = FEED) -> Answer:
    """What this one worker answers, while the others stand still."""
    others = [one for one in workers if one != pid]
    for other in others:
        os.kill(other, signal.SIGSTOP)
    try:
        return server.ask(path)
    finally:
        for other in others:
            os.kill(other, signal.SIGCONT)


def resident_mebibytes(pid: int) -> float:
    """Memory of a process that lies in RAM."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_readers_never_see_half_a_replacement(shelf: Path, tmp_path: Path) -> None:
    """While a file is replaced over and over, every answer is one whole version, by its own tag."""
    versions = [f"<Feed version='{number}'>".encode() + b"x" * (number * 997) for number in range(40)]
    torn: list[bytes] = []
    done = threading.Event()

    def read(server: Server) -> None:
        connection = server.connect()
        while not done.is_set():
            answer = ask(connection, FEED, Accept_Encoding="gzip")
            body = gzip.decompress(answer.body) if answer.one("Content-Encoding") else answer.body
            if body not in versions:
                torn.append(body)
        connection.close()

    put(shelf, CURRENT, versions[0])
    with gunicorn(shelf, tmp_path) as server:
        readers = [threading.Thread(target=read, args=(server,)) for _ in range(4)]
        for reader in readers:
            reader.start()
        for version in versions:
            put(shelf, CURRENT, version)
            time.sleep(0.05)  # the pace of the writer; nothing waits for it
        done.set()
        for reader in readers:
            reader.join()

    assert torn == []
