"""Words of the trade, made up by hypothesis: anything the documents can say, and nothing they cannot.

Each function returns a strategy. Use `QUICK` beside `@given`, so that a run stays short and leaves
nothing behind in the tree.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from feedsrv.model.action import (
    AbortRequest,
    Action,
    AppPool,
    Condition,
    CustomResponse,
    DoNothing,
    Grouping,
    InboundRule,
    OutboundRule,
    Place,
    Preconditions,
    Rewrite,
    Scope,
    Service,
    Syntax,
    UrlRewrite,
)
from feedsrv.model.build import Build, BuildRange
from feedsrv.model.catalogue import Catalogue, CumulativeUpdate, Product, Release, UpdateStage
from feedsrv.model.feed import (
    ANNOUNCED_ROLES,
    MOST_CERTIFICATE_BYTES,
    Announcement,
    Entry,
    EntryState,
    Feed,
    Poll,
    digest_of,
)
from feedsrv.model.mitigation import Affects, Draft, Mitigation, RequestSample, Samples, Severity, Status

QUICK: Final = settings(
    deadline=None, max_examples=60, database=None, suppress_health_check=[HealthCheck.too_slow]
)

# Whatever can be seen and every reader reads alike: letters of all scripts, signs outside the basic plane.
LETTERS: Final = st.characters(min_codepoint=0x20, exclude_categories=["C", "Zl", "Zp"])
# Half of the time, what documents really hold, and what must be escaped in them.
PLAIN: Final = st.sampled_from("abcXYZ 019.-_/\\{}[]()*?^$&<>\"'=;:%é☃𝄞")


def exact(*, min_size: int = 0, max_size: int = 30) -> st.SearchStrategy[str]:
    """A value taken letter for letter, blanks included."""
    return st.text(st.one_of(PLAIN, LETTERS), min_size=min_size, max_size=max_size)


def texts(*, max_size: int = 60) -> st.SearchStrategy[str]:
    """A text for people: one line, single blanks."""
    return exact(min_size=1, max_size=max_size).map(_single_blanks).filter(bool)


def names() -> st.SearchStrategy[str]:
    """A name: not empty, no blank at its ends."""
    return exact(min_size=1).map(lambda name: name.strip(" ")).filter(bool)


def server_names() -> st.SearchStrategy[str]:
    """A name such as a pool or a service may have."""
    return names().filter(lambda name: not set(name) & set('/\\"<>|&'))


def tokens() -> st.SearchStrategy[str]:
    """A method or header name."""
    return st.from_regex(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}", fullmatch=True)


def moments() -> st.SearchStrategy[datetime]:
    """A moment in UTC, to the second."""
    return st.datetimes(datetime(2000, 1, 1), datetime(2199, 12, 31)).map(  # noqa: DTZ001 - hypothesis wants them naive
        lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
    )


def days() -> st.SearchStrategy[date]:
    """A day."""
    return st.dates(date(1990, 1, 1), date(2199, 12, 31))


def builds() -> st.SearchStrategy[Build]:
    """A build."""
    part = st.integers(0, 9_999_999_999)
    small = st.integers(0, 20)
    return st.builds(Build, small, small, st.one_of(small, part), st.one_of(small, part))


def mitigation_ids() -> st.SearchStrategy[str]:
    """A mitigation id."""
    return st.one_of(st.integers(0, 9999).map("M{:04}".format), st.just("PING1"))


def product_ids() -> st.SearchStrategy[str]:
    """A product id, mostly a known one."""
    known = st.sampled_from(["exchange-2016", "exchange-2019", "exchange-se", "sfb-2015", "sfb-2019"])
    return st.one_of(known, st.from_regex(r"[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,9}){0,3}", fullmatch=True))


def channels() -> st.SearchStrategy[str]:
    """A channel."""
    own = st.from_regex(r"[a-z][a-z0-9-]{0,31}", fullmatch=True)
    return st.one_of(st.sampled_from(["production", "preview"]), own)


def vulnerabilities() -> st.SearchStrategy[str]:
    """A CVE, or a vendor's own number."""
    own = st.from_regex(r"(?!CVE-)[A-Z][A-Z0-9]{1,15}-[A-Za-z0-9.-]{1,40}", fullmatch=True)
    return st.one_of(st.from_regex(r"CVE-[0-9]{4}-[0-9]{4,10}", fullmatch=True), own)


def digests() -> st.SearchStrategy[str]:
    """A digest."""
    return st.binary(max_size=8).map(digest_of)


def affects(product: str) -> st.SearchStrategy[Affects]:
    """Ranges of one product, in any order; the highest may be open."""

    def ranges(edges: list[Build], *, is_open: bool) -> list[BuildRange]:
        edges = sorted(edges)
        closed = [BuildRange(*pair) for pair in zip(edges[::2], edges[1::2], strict=False)]
        return [*closed, BuildRange(edges[-1])] if is_open or not closed else closed

    edges = st.lists(builds(), min_size=1, max_size=7, unique=True)
    either = st.tuples(edges, st.booleans()).map(lambda drawn: ranges(drawn[0], is_open=drawn[1]))
    return either.flatmap(st.permutations).map(lambda them: Affects(product, tuple(them)))


def places() -> st.SearchStrategy[Place]:
    """Where a rule applies."""
    return st.one_of(
        st.just(Place(Scope.SERVER)),
        st.builds(Place, st.just(Scope.SITE), names()),
        st.builds(Place, st.just(Scope.APPLICATION), names(), names().map("/{}".format)),
    )


def conditions(*, min_size: int = 0) -> st.SearchStrategy[tuple[Condition, ...]]:
    """Tests of server variables."""
    pattern = exact(min_size=1)
    one = st.builds(Condition, pattern, pattern, negate=st.booleans(), ignore_case=st.booleans())
    return st.lists(one, min_size=min_size, max_size=3).map(tuple)


@st.composite
def rules(draw: st.DrawFn) -> InboundRule | OutboundRule:
    """A rule of either direction."""
    tests = draw(conditions())
    rewrite = st.builds(Rewrite, exact())
    custom = st.builds(CustomResponse, st.integers(400, 599), st.integers(0, 999), exact(), exact())
    grouping = draw(st.sampled_from(Grouping)) if tests else Grouping.ALL
    pattern, syntax = draw(exact(min_size=1)), draw(st.sampled_from(Syntax))
    ignore_case, negate, stop = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    if draw(st.booleans()):
        outcome = draw(st.one_of(st.just(AbortRequest()), custom, rewrite))
        return InboundRule(pattern, outcome, syntax, ignore_case, negate, grouping, tests, stop)
    before = st.builds(
        Preconditions, conditions(min_size=1), st.sampled_from(Grouping), st.sampled_from(Syntax)
    )
    return OutboundRule(
        draw(st.from_regex(r"RESPONSE_[A-Za-z0-9_]{1,30}", fullmatch=True)),
        pattern,
        draw(rewrite),
        syntax,
        ignore_case,
        negate,
        draw(st.one_of(st.none(), before)),
        grouping,
        tests,
        stop,
    )


def actions(action_id: str) -> st.SearchStrategy[Action]:
    """An action of any kind with that id."""
    of_id = st.just(action_id)
    return st.one_of(
        st.builds(UrlRewrite, of_id, names(), places(), rules()),
        st.builds(AppPool, of_id, server_names()),
        st.builds(Service, of_id, server_names()),
        st.builds(DoNothing, of_id),
    )


@st.composite
def mitigations(draw: st.DrawFn) -> Mitigation:
    """One revision of a mitigation."""
    revision = draw(st.integers(1, 5))
    identity = draw(mitigation_ids())
    action_ids = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,31}", fullmatch=True)
    of_products = draw(st.lists(product_ids(), min_size=1, max_size=3, unique=True))
    of_actions = draw(st.lists(action_ids, min_size=1, max_size=3, unique=True))
    others = mitigation_ids().filter(lambda other: other != identity)
    few_texts = st.lists(texts(), max_size=2).map(tuple)
    return Mitigation(
        id=identity,
        revision=revision,
        issued=draw(moments()),
        severity=draw(st.sampled_from(Severity)),
        title=draw(texts()),
        description=draw(texts(max_size=200)),
        review_by=draw(days()),
        affects=tuple(draw(affects(product)) for product in of_products),
        actions=tuple(draw(actions(action)) for action in of_actions),
        status=draw(st.sampled_from(Status)),
        channel=draw(channels()),
        vulnerabilities=draw(st.lists(vulnerabilities(), max_size=3).map(tuple)),
        references=draw(st.lists(web_addresses(), max_size=2).map(tuple)),
        change=draw(texts() if revision > 1 else st.one_of(st.none(), texts())),
        no_fix_yet=draw(st.one_of(st.none(), texts())),
        known_issues=draw(few_texts),
        supersedes=draw(st.lists(others, max_size=2, unique=True).map(tuple)),
    )


def web_addresses() -> st.SearchStrategy[str]:
    """An address of a page."""
    return st.from_regex(r"https?://[a-z0-9.]{1,20}/[!-~]{0,20}", fullmatch=True)


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    """A mitigation with what stays in the house."""
    mitigation = draw(mitigations())
    pairs = st.lists(st.tuples(tokens(), exact()), max_size=2).map(tuple)
    sample = st.builds(
        RequestSample,
        name=names(),
        url=exact().map("/{}".format),
        method=tokens(),
        headers=pairs,
        response_headers=pairs,
        action=st.one_of(st.none(), st.sampled_from([action.id for action in mitigation.actions])),
        expect=pairs,
    )
    some = st.lists(sample, max_size=2).map(tuple)
    stated = st.lists(st.builds(replace, sample, known_issue=texts()), max_size=2).map(tuple)
    samples = Samples(draw(some), draw(some), draw(stated))
    return Draft(mitigation, samples, draw(st.lists(texts(), max_size=2).map(tuple)))


def entries(mitigation_id: str) -> st.SearchStrategy[Entry]:
    """A feed's entry for that mitigation."""
    return st.builds(
        Entry,
        st.just(mitigation_id),
        st.integers(1, 999_999_999),
        st.sampled_from(EntryState),
        digests(),
        st.integers(1, 999_999_999),
        st.integers(0, 100),
    )


@st.composite
def announcements(draw: st.DrawFn) -> Announcement:
    """Bytes in the place of certificates; nobody looks into them below the floor of trust."""
    ders = st.one_of(st.binary(min_size=1, max_size=80), st.just(bytes(MOST_CERTIFICATE_BYTES)))
    certificate, *vouchers = draw(st.lists(ders, min_size=1, max_size=5, unique=True))
    by_sha256 = sorted(vouchers, key=lambda der: sha256(der).digest())
    return Announcement(
        draw(st.sampled_from(ANNOUNCED_ROLES)), certificate, draw(moments()), tuple(by_sha256)
    )


@st.composite
def feeds(draw: st.DrawFn) -> Feed:
    """One version of a feed."""
    issued = draw(moments())
    ids = sorted(draw(st.sets(mitigation_ids(), max_size=6)))
    seconds = st.integers(0, 10_000_000).map(lambda number: timedelta(seconds=number))
    announced = draw(st.lists(announcements(), max_size=3, unique_by=lambda one: one.certificate))
    return Feed(
        product=draw(product_ids()),
        channel=draw(channels()),
        version=draw(st.integers(1, 999_999_999)),
        issued=issued,
        expires=issued + timedelta(seconds=draw(st.integers(1, 10_000_000))),
        previous=draw(st.one_of(st.none(), digests())),
        entries=tuple(draw(entries(one)) for one in ids),
        poll=Poll(draw(seconds) + timedelta(seconds=1), draw(seconds)),
        announced=tuple(sorted(announced, key=lambda one: (one.begins, one.sha256))),
    )


@st.composite
def products(draw: st.DrawFn, product_id: str) -> Product:
    """A product with its releases."""
    released = sorted(draw(st.lists(builds(), min_size=1, max_size=4, unique=True)))
    return Product(
        product_id,
        draw(names()),
        tuple(Release(build, draw(names()), draw(days())) for build in released),
        draw(st.one_of(st.none(), days())),
    )


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    """Products and their cumulative updates, in the order of a written catalogue."""
    ids = draw(st.lists(product_ids(), min_size=1, max_size=3, unique=True))
    updates = [
        CumulativeUpdate(
            product=product,
            build=build,
            name=draw(names()),
            released=draw(days()),
            kb=draw(st.one_of(st.none(), st.from_regex(r"KB[0-9]{6,8}", fullmatch=True))),
            fixes=draw(st.lists(vulnerabilities(), max_size=2).map(tuple)),
            needless=draw(st.lists(mitigation_ids(), max_size=2).map(tuple)),
            stage=draw(st.sampled_from(UpdateStage)),
        )
        for product in ids
        for build in draw(st.lists(builds(), max_size=3, unique=True))
    ]
    return Catalogue.of([draw(products(one)) for one in ids], updates)


def _single_blanks(text: str) -> str:
    return " ".join(word for word in text.split(" ") if word)
