"""The private surface: how things stand, as a page, as JSON, as metrics."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import TestResponse

from feedsrv.clock import to_text
from feedsrv.model.lifecycle import Role
from feedsrv.publishing.people_records import CONSOLE, Principal
from feedsrv.publishing.watching.results import BOTH, Grade, Result
from feedsrv.web.guard import Guard
from feedsrv.web.private import create_private_app
from feedsrv.web.status import KEPT, Standing, Watching

AT = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)
WELL = Result("feed.overdue", "exchange-2019/production", Grade.OK, "the feed is fresh", value=259200.0)
LATE = Result("feed.overdue", "sfb-2019/production", Grade.WARNING, "it is late", "Look at the keeper", 60.0)
ENDED = Result(
    "certificate.ends",
    "feed signer 3fa90c51b2d4e6f8",
    Grade.CRITICAL,
    "feed signer CN=<b>x</b> ended on 2026-05-13",
    "Renew it",
    -86400.0,
    BOTH,
)


class Eyes:
    """What is seen, counted."""

    def __init__(self, *results: Result) -> None:
        self.results: Sequence[Result] = results
        self.looks = 0

    def __call__(self) -> Sequence[Result]:
        """Look."""
        self.looks += 1
        return self.results


def ask(path: str, *results: Result) -> TestResponse:
    """Ask a private surface where things stand like this."""
    app = create_private_app(look=Eyes(*results), publisher="Contoso", clock=lambda: AT)
    return app.test_client().get(path)


@pytest.mark.parametrize(
    ("results", "sentence"),
    [
        ((WELL,), "All is well: 1 things were looked at."),
        ((LATE, WELL), "Not all is well: 1 warning to look at."),
        (
            (ENDED, LATE, LATE, WELL),
            (
                "Not all is well: 1 critical finding and 2 warnings to look at. Something cannot be "
                "published until then."
            ),
        ),
    ],
)
def test_one_sentence_at_the_top_says_whether_all_is_well(results: tuple[Result, ...], sentence: str) -> None:
    """Before any detail."""
    page = ask("/status", *results).text

    assert sentence == Standing(AT, results).sentence
    assert page.index(sentence) < page.index("<main")


def test_the_page_says_what_is_wrong_and_what_to_do_and_escapes_it() -> None:
    """A certificate's subject is written by strangers."""
    page = ask("/status", ENDED, WELL).text

    assert "feed signer CN=&lt;b&gt;x&lt;/b&gt; ended on 2026-05-13." in page
    assert "<strong>What to do:</strong> Renew it." in page
    assert "stops publishing" in page
    assert page.index("Critical") < page.index("In order")


def test_the_page_is_kept_by_nobody_and_may_load_its_own_files_alone() -> None:
    """No script, no frame, no request to elsewhere."""
    answer = ask("/status", WELL)

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'; style-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "<script" not in answer.text
    assert "http" not in answer.text.replace("http-equiv", "")


@pytest.mark.parametrize(
    ("path", "kind"), [("/status.css", "text/css; charset=utf-8"), ("/icon.svg", "image/svg+xml")]
)
def test_what_the_page_needs_is_served_beside_it(path: str, kind: str) -> None:
    """From the package."""
    answer = ask(path, WELL)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)


def test_the_same_as_json() -> None:
    """For programs, with the worst grade and everything that was found."""
    document = json.loads(ask("/status.json", ENDED, WELL).data)

    assert document["grade"] == "critical"
    assert document["at"] == to_text(AT)
    assert document["results"][0] == {
        "check": "certificate.ends",
        "subject": "feed signer 3fa90c51b2d4e6f8",
        "grade": "critical",
        "sentence": "feed signer CN=<b>x</b> ended on 2026-05-13",
        "remedy": "Renew it",
        "value": -86400.0,
        "stopsPublishing": True,
    }


def test_the_same_as_gauges() -> None:
    """The grade of every result, and its number under a name of its own."""
    text = ask("/metrics", ENDED, LATE, WELL).text

    samples = {
        (sample.name, sample.labels.get("subject")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples == {
        ("feedsrv_check_grade", "feed signer 3fa90c51b2d4e6f8"): 2,
        ("feedsrv_check_grade", "sfb-2019/production"): 1,
        ("feedsrv_check_grade", "exchange-2019/production"): 0,
        ("feedsrv_certificate_ends_in_seconds", "feed signer 3fa90c51b2d4e6f8"): -86400,
        ("feedsrv_current_feed_expires_in_seconds", "sfb-2019/production"): 60,
        ("feedsrv_current_feed_expires_in_seconds", "exchange-2019/production"): 259200,
        ("feedsrv_publishing_stopped", None): 1,
        ("feedsrv_checks_looked_timestamp_seconds", None): AT.timestamp(),
    }


def test_it_is_alive_without_a_look() -> None:
    """Whoever restarts processes asks whether it answers, and not how things stand."""
    eyes = Eyes(ENDED)

    answer = create_private_app(look=eyes).test_client().get("/healthz")

    assert (answer.status_code, answer.get_json()) == (200, {"status": "alive"})
    assert eyes.looks == 0


def test_what_is_not_there_is_a_problem_and_not_a_page() -> None:
    """With its code, as on the public surface."""
    answer = ask("/v1/feeds/", WELL)

    assert answer.status_code == 404
    assert answer.get_json()["code"] == "http.not_found"


def test_a_look_serves_whoever_asks_within_some_seconds() -> None:
    """Scraping often costs little; afterwards things are looked at anew."""
    eyes, at = Eyes(WELL), [AT]
    watching = Watching(eyes, lambda: at[0])

    watching.now()
    at[0] += KEPT - timedelta(seconds=1)
    watching.now()
    seen_by_then = eyes.looks
    at[0] += timedelta(seconds=1)
    newest = watching.now()

    assert (seen_by_then, eyes.looks) == (1, 2)
    assert newest.at == at[0]


def test_a_clock_that_was_set_back_keeps_no_old_look_alive() -> None:
    """Else a page could stand still for years."""
    eyes, at = Eyes(WELL), [AT]
    watching = Watching(eyes, lambda: at[0])

    watching.now()
    at[0] -= timedelta(days=1)
    watching.now()

    assert eyes.looks == 2


def test_while_somebody_looks_others_get_the_look_before() -> None:
    """A slow network holds up one request, and not all of them."""
    at = [AT]
    began, go_on = threading.Event(), threading.Event()

    def look() -> Sequence[Result]:
        if at[0] > AT:
            began.set()
            assert go_on.wait(30)
            return (LATE,)
        return (WELL,)

    watching = Watching(look, lambda: at[0])
    before = watching.now()
    at[0] += KEPT
    slow = threading.Thread(target=watching.now)
    slow.start()
    assert began.wait(30)

    meanwhile = watching.now()
    go_on.set()
    slow.join(30)

    assert meanwhile == before
    assert watching.now().grade is Grade.WARNING


def test_whoever_is_signed_in_finds_back_to_the_desk() -> None:
    """The page stands apart; a program that reads it from this machine has no desk."""
    anna = Principal("anna", frozenset({Role.AUTHOR}), CONSOLE)
    app = create_private_app(look=Eyes(WELL), guard=Guard(lambda _: anna), clock=lambda: AT)

    assert b'href="./"' in app.test_client().get("/status").data
    assert b'href="./"' not in ask("/status", WELL).data


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "X-Real-Ip", "Via"]
)
@pytest.mark.parametrize("path", ["/status", "/status.json", "/metrics"])
def test_a_stranger_is_told_nothing_however_they_come(path: str, header: str) -> None:
    """Neither from another machine, nor by a proxy on this one."""
    client = create_private_app(look=Eyes(ENDED), clock=lambda: AT).test_client()

    elsewhere = client.get(path, environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
    by_proxy = client.get(path, headers={header: "192.0.2.7"})

    assert (elsewhere.status_code, by_proxy.status_code) == (401, 401)
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/status", "/status.json", "/metrics"])
def test_a_proxy_that_says_nothing_of_itself_is_known_by_the_name_it_asks_by(path: str) -> None:
    """It passes on the name that people use; programs of this machine use the machine's own."""
    client = create_private_app(look=Eyes(ENDED), clock=lambda: AT).test_client()

    by_proxy, here = (client.get(path, headers={"Host": one}) for one in ("desk.example.com", "[::1]:8081"))

    assert (by_proxy.status_code, here.status_code) == (401, 200)
