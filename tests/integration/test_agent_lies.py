"""What a lying, broken or absent publisher can do to an agent: be reported, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from feedsrv.model.feed import Entry, EntryState, Feed, digest_of
from feedsrv.model.mitigation import Status
from feedsrv.trust.opening import open_feed
from tests.pki import Pki
from tests.simulator import FEED, Answer, Simulator, entry_of
from tests.unit.agent.making import AT, mitigation, pool, rule
from tests.unit.agent.world import World, codes

NAME = "feedsrv M0001.A1 PowerShell - inbound"
MITIGATION = "/v1/mitigations/M0002/1.xml"
XML = {"Content-Type": "application/xml"}
HTML = {"Content-Type": "text/html"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An agent that trusts feed 1 with `M0001`, while feed 2 with `M0002` is ready."""
    with Simulator(Pki(at=AT), AT).serving() as publisher:
        publisher.publish(mitigation())
        world = World(
            tmp_path / "home", publisher, timeout=timedelta(seconds=1), longest=timedelta(seconds=1)
        )
        world.sync()
        publisher.publish(mitigation(), mitigation("M0002", actions=(pool(),)))
        publisher.requests.clear()
        yield world


HONEST = b"<Feed>" + b" " * 100

HTTP_LIES: dict[str, tuple[Answer, str]] = {
    "a web page": (Answer(b"<!DOCTYPE html><html>", headers=HTML), "agent.wrong_content"),
    "a web page that says it is XML": (
        Answer(b"\n<!doctype HTML><html>", headers=XML),
        "agent.wrong_content",
    ),
    "half a document": (Answer(HONEST, announced=5000), "agent.truncated"),
    "an internal error": (Answer(b"oops", 500), "agent.server_trouble"),
    "a status of its own": (Answer(b"?", 299), "agent.server_trouble"),
    "not found": (Answer(b"<problem/>", 404), "agent.not_served"),
    "nothing at all": (Answer(silent=True), "agent.no_answer"),
    "an empty document": (Answer(b""), "agent.no_answer"),
    "too many requests": (Answer(b"", 429, {"Retry-After": "120"}), "agent.throttled"),
    "unavailable": (Answer(b"", 503), "agent.throttled"),
    "more than any feed": (Answer(b"<" * (5 * 1024 * 1024)), "agent.too_large"),
    "another host": (Answer(b"", 302, {"Location": "http://localhost:1/v1/"}), "agent.redirected"),
    "a circle": (Answer(b"", 302, {"Location": FEED}), "agent.redirected"),
    "a redirect to nowhere": (Answer(b"", 301, {}), "agent.redirected"),
    "a redirect to what is no address": (Answer(b"", 301, {"Location": "//["}), "agent.server_trouble"),
    "a wait that is no number": (Answer(b"", 429, {"Retry-After": "\xb2"}), "agent.throttled"),
    "a wait without end": (Answer(b"", 429, {"Retry-After": "9" * 5000}), "agent.throttled"),
    "a wait beyond the calendar": (
        Answer(b"", 503, {"Retry-After": "Mon, 01 Jan 0001 00:00:00 +9959"}),
        "agent.throttled",
    ),
    "a wait in no time zone": (
        Answer(b"", 503, {"Retry-After": "Mon, 01 Jan 2024 00:00:00 +99999999999999"}),
        "agent.throttled",
    ),
    "a drop at a time": (Answer(b"<" * 5000, drip=0.01), "agent.too_slow"),
    "headers without end": (Answer(drip=0.01, drips_headers=True), "agent.too_slow"),
    "a packed answer": (Answer(b"x", headers={"Content-Encoding": "gzip"}), "agent.wrong_content"),
    "no XML": (Answer(b"hello"), "trust.document_malformed"),
    "not modified, though never asked": (Answer(b"", 304, {}), ""),
}


@pytest.mark.parametrize("lie", HTTP_LIES)
def test_a_broken_answer_is_named_and_changes_nothing(world: World, lie: str) -> None:
    """Each has its own code, and what is trusted and applied stays."""
    answer, code = HTTP_LIES[lie]
    before = world.state.feeds
    world.publisher.lie(FEED, answer)

    done = world.sync()

    assert codes(done) == ([code] if code else [])
    assert world.state.feeds == before
    assert world.host.names() == {NAME}


@pytest.mark.parametrize("lie", [name for name in HTTP_LIES if name not in {"a circle", "no XML"}])
def test_a_broken_mitigation_is_tried_again(world: World, lie: str) -> None:
    """The rest of the feed counts, and the next sync fetches what was missing."""
    world.publisher.lie(MITIGATION, HTTP_LIES[lie][0])

    failed = world.sync()
    between = set(world.host.stopped)
    world.publisher.be_honest()
    done = world.sync()

    assert len(codes(failed)) == 1
    assert between == set()
    assert codes(done) == []
    assert world.host.stopped == {"MSExchangeECPAppPool"}


POLICIES = {
    "no JSON": (b"<html>", "agent.wrong_content"),
    "no object": (b"[]", "agent.wrong_content"),
    "deeper than any program reads": (b"[" * 200_000, "agent.wrong_content"),
    "a list elsewhere": (b'{"crls": ["//evil.example/x.crl"]}', "agent.redirected"),
    "a list above": (b'{"crls": ["../../x.crl"]}', "agent.redirected"),
    "a list nowhere": (b'{"crls": ["//["]}', "agent.redirected"),
    "a list that is none": (b'{"crls": ["feeds/exchange-2019/production.xml"]}', "trust.crl_unreadable"),
}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_of_nonsense_keeps_nobody_from_being_protected(world: World, policy: str) -> None:
    """What the publisher says of revocation lists is not signed: it is told, and the feed counts."""
    content, code = POLICIES[policy]
    world.publisher.files["/v1/trust/policy.json"] = content

    done = world.sync()

    assert codes(done) == [code]
    assert world.host.stopped == {"MSExchangeECPAppPool"}


def test_an_etag_that_cannot_be_sent_back_is_forgotten(world: World) -> None:
    """Whoever answers once in the publisher's place must not spoil every later poll."""
    body = world.publisher.files[FEED]
    world.publisher.lie(FEED, Answer(body, headers={**XML, "ETag": '"a\r\n b"'}))
    world.sync()
    world.publisher.be_honest()

    done = world.sync()

    assert codes(done) == []


def test_what_a_server_asks_for_is_handed_on(world: World) -> None:
    """`Retry-After` reaches whoever decides when to come back."""
    world.publisher.lie(FEED, Answer(b"", 429, {"Retry-After": "120"}))

    assert world.sync().retry_after == timedelta(seconds=120)


def test_a_redirect_on_the_same_host_is_followed(world: World) -> None:
    """A publisher may move files within its server."""
    world.publisher.files["/v1/moved.xml"] = world.publisher.files[FEED]
    world.publisher.lie(FEED, Answer(b"", 307, {"Location": "/v1/moved.xml"}))

    done = world.sync()

    assert codes(done) == []
    assert world.host.stopped == {"MSExchangeECPAppPool"}


def test_a_server_that_is_not_there_is_named(world: World) -> None:
    """Nobody listens: the agent says so and keeps what it has."""
    world.publisher.url = "http://127.0.0.1:9"

    done = world.sync()

    assert codes(done) == ["agent.unreachable"]
    assert world.host.names() == {NAME}


def test_a_replayed_feed_is_refused(world: World) -> None:
    """Genuine, signed, and older than what is trusted."""
    world.sync()
    world.publisher.replay(1)

    done = world.sync()

    assert codes(done) == ["feed.stale"]
    assert set(world.state.applied) == {"M0001", "M0002"}


def test_two_histories_are_refused(world: World) -> None:
    """Another feed under the same version, signed by the right key."""
    forked = Feed(
        "exchange-2019", "production", 1, AT, AT + timedelta(days=9), None, (), world.publisher.poll
    )
    world.publisher.put_feed(forked)

    assert codes(world.sync()) == ["feed.forked"]


def test_another_history_is_told_and_left_behind(world: World) -> None:
    """A next version that follows on another one is used, so that nobody stays behind, and reported."""
    offered = open_feed(world.publisher.versions[-1], world.publisher.pki.policy(), at=AT).feed
    world.publisher.put_feed(replace(offered, previous=digest_of(b"another history")))

    done = world.sync()

    assert codes(done) == ["feed.forked"]
    assert world.host.stopped == {"MSExchangeECPAppPool"}


def test_a_frozen_feed_is_told_and_gives_nothing_new(world: World) -> None:
    """The newer feed expired on its way here: what it offers is not applied, what is applied stays."""
    done = world.sync(at=AT + timedelta(days=8))

    assert codes(done) == ["feed.expired"]
    assert set(world.state.applied) == {"M0001"}
    assert world.host.names() == {NAME}


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ("eku-server-auth", "trust.eku_missing"),
        ("eku-absent", "trust.eku_absent"),
        ("leaf-expired", "trust.certificate_expired"),
        ("ca-eku-server-auth", "trust.issuer_eku_missing"),
    ],
)
def test_a_feed_under_a_wrong_certificate_is_refused(world: World, bad: str, code: str) -> None:
    """Each reason has its own code."""
    world.publisher.publish(mitigation(), bad=bad)

    assert codes(world.sync()) == [code]


def test_a_tampered_feed_is_refused(world: World) -> None:
    """One byte is enough."""
    world.publisher.files[FEED] = world.publisher.files[FEED].replace(b'percent="100"', b'percent="101"')

    assert codes(world.sync()) == ["trust.signature_invalid"]


def lying_entry(world: World, lie: Callable[[Entry], Entry]) -> None:
    """Publish a genuine feed whose line about `M0002` lies."""
    two = mitigation("M0002", actions=(pool(),))
    entries = (
        entry_of(mitigation(), world.publisher.put_mitigation(mitigation())),
        lie(entry_of(two, world.publisher.put_mitigation(two))),
    )
    previous = digest_of(world.publisher.versions[-1])
    expires = AT + timedelta(days=7)
    world.publisher.put_feed(Feed("exchange-2019", "production", 3, AT, expires, previous, entries))


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        (lambda one: replace(one, digest=digest_of(b"other")), "mitigation.digest_mismatch"),
        (lambda one: replace(one, size=one.size + 1), "mitigation.size_mismatch"),
        (lambda one: replace(one, revision=2), "agent.not_served"),
    ],
    ids=["digest", "size", "revision"],
)
def test_a_feed_that_lies_about_a_mitigation_gets_nothing_applied(
    world: World, lie: Callable[[Entry], Entry], code: str
) -> None:
    """The online key alone cannot make a server take other bytes."""
    lying_entry(world, lie)

    done = world.sync()

    assert codes(done) == [code]
    assert world.host.stopped == set()


def test_another_mitigation_under_a_listed_name_is_refused(world: World) -> None:
    """Genuine bytes of one mitigation, served and listed as another."""
    other = world.publisher.put_mitigation(mitigation("M0007", actions=(pool(),)))
    world.publisher.files[MITIGATION] = other
    lying_entry(world, lambda _: Entry("M0002", 1, EntryState.ACTIVE, digest_of(other), len(other)))
    world.publisher.files[MITIGATION] = other

    assert codes(world.sync()) == ["mitigation.other"]


def test_a_lower_revision_is_refused(world: World) -> None:
    """A genuine newer feed that names an older revision takes nothing back to it."""
    newer = mitigation(revision=2, actions=(rule(pattern="better"),))
    world.publisher.publish(newer)
    world.sync()
    world.publisher.publish(mitigation())

    done = world.sync()

    assert codes(done) == ["mitigation.older_revision"]
    assert world.state.known["M0001"].revision == 2
    assert world.host.names() == {NAME}
    assert "better" in str(world.host.rules)


def test_other_bytes_for_a_trusted_revision_are_refused(world: World) -> None:
    """A revision never changes, not even by whoever holds both keys."""
    world.publisher.publish(mitigation(actions=(rule(pattern="quietly changed"),)))

    done = world.sync()

    assert codes(done) == ["mitigation.forked"]
    assert "quietly changed" not in str(world.host.rules)


def test_an_exercise_does_not_reach_production(world: World) -> None:
    """A mitigation of the preview channel, listed in production by whoever holds the feed key."""
    world.publisher.publish(mitigation(), mitigation("M0009", channel="preview", actions=(pool(),)))

    done = world.sync()

    assert codes(done) == ["mitigation.other_channel"]
    assert world.host.stopped == set()


def test_the_feed_of_another_product_is_refused_at_first_contact(tmp_path: Path) -> None:
    """A server that serves the wrong file is not believed, even before anything is trusted."""
    with Simulator(Pki(at=AT), AT).serving() as publisher:
        other = Feed("exchange-se", "production", 1, AT, AT + timedelta(days=7), None, ())
        publisher.put_feed(other)

        done = World(tmp_path / "home", publisher).sync()

    assert codes(done) == ["feed.other"]


def test_a_mitigation_signed_by_the_feed_key_is_refused(world: World) -> None:
    """The online key cannot write mitigations: its certificate is for feeds."""
    three = mitigation("M0003", actions=(pool(),))
    data = world.publisher.put_mitigation(three, bad="eku-code-signing-only")
    entries = (entry_of(three, data),)
    previous = digest_of(world.publisher.versions[-1])
    world.publisher.put_feed(
        Feed("exchange-2019", "production", 3, AT, AT + timedelta(days=7), previous, entries)
    )

    assert codes(world.sync()) == ["trust.eku_missing"]


def test_the_library_may_be_lost(world: World) -> None:
    """Trusted documents that vanished from the disk are fetched again; nothing is forgotten."""
    world.sync()
    for path in (world.home / "documents").iterdir():
        path.unlink()

    done = world.sync()

    assert codes(done) == []
    assert set(world.state.applied) == {"M0001", "M0002"}
    assert len(list((world.home / "documents").iterdir())) == 3


def test_withdrawing_needs_the_mitigation_key(world: World) -> None:
    """A feed that merely says withdrawn takes nothing away: agents go by the mitigation itself."""
    lying_entry(world, lambda one: one)
    world.sync()
    entries = tuple(
        replace(one, state=EntryState.WITHDRAWN)
        for one in (
            entry_of(mitigation(), world.publisher.put_mitigation(mitigation())),
            entry_of(
                mitigation("M0002", actions=(pool(),)),
                world.publisher.put_mitigation(mitigation("M0002", actions=(pool(),))),
            ),
        )
    )
    previous = digest_of(world.publisher.versions[-1])
    world.publisher.put_feed(
        Feed("exchange-2019", "production", 4, AT, AT + timedelta(days=7), previous, entries)
    )

    done = world.sync()

    assert codes(done) == []
    assert world.host.names() == {NAME}
    assert world.standing().status.value != Status.WITHDRAWN.value
