"""The API on a socket, with something of everything in it, for whoever must ask it from outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from werkzeug.serving import WSGIRequestHandler, make_server

from tests.programs import Programs, said
from tests.publisher import written


class Quiet(WSGIRequestHandler):
    """Thousands of lines would hide what a test has to say."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


@contextmanager
def served(programs: Programs) -> Iterator[str]:
    """The address at which the application answers, in threads of this process."""
    server = make_server("127.0.0.1", 0, programs.app, threaded=True, request_handler=Quiet)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def furnished(folder: Path) -> Programs:
    """Something published, something in review, a draft, and an approved revision."""
    programs = Programs.on_disk(folder)
    anna, ben, carl = (
        programs.client("anna", "author"),
        programs.client("ben", "reviewer"),
        programs.client("carl", "publisher"),
    )
    for mitigation_id in ("M0001", "M0002", "M0003", "M0004"):
        said(anna.send("/documents", written(mitigation_id)), 201)
    for mitigation_id in ("M0001", "M0002", "M0003"):
        said(anna.act(f"{mitigation_id}/submit"))
    for mitigation_id in ("M0001", "M0002"):
        digest = said(ben.get(f"/mitigations/{mitigation_id}"))["digest"]
        said(ben.act(f"{mitigation_id}/approve", {"digest": digest}))
        if mitigation_id == "M0001":
            said(carl.post("/publish"))
    return programs
