"""Well-formed, but not ours: what an author reads, with file, line, path and what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import pytest

from feedsrv.codec.catalogue import read_catalogue
from feedsrv.codec.feed import read_feed
from feedsrv.codec.mitigation import read_mitigation
from feedsrv.codec.parsing import MeaningError, SchemaError, XmlError
from feedsrv.errors import BadInputError
from feedsrv.model.build import BadRangeError
from tests.unit.codec.documents import CATALOGUE, DRAFT, FEED, MITIGATION, instead, read

ROOT: Final = "/Mitigation"
PRODUCT: Final = "/Catalogue/Product"
RANGE: Final = f"{ROOT}/Affects/Range"
RULE: Final = f"{ROOT}/Actions/UrlRewrite"
INBOUND: Final = f"{RULE}/Inbound"
SITE: Final = '<Site name="Default Web Site"/>'
REVIEW: Final = '<ReviewWithin days="60"/>'
NO_DAY: Final = "<ReviewBy>2027-02-30</ReviewBy>"
AFFECTS_MORE: Final = '<Affects product="exchange-2019"><Range introduced="1.0.0.0"/></Affects><Affects'
ANSWER: Final = f"{INBOUND}/CustomResponse"
A1: Final = '<DoNothing id="A1"/>'

# What is changed in the draft, into what, the path that is named, and words of the advice.
GRAMMAR: Final = (
    ('id="M0001"', 'id="M1"', f"{ROOT}/@id", "'M1' does not fit. M and four digits"),
    (' id="M0001"', "", ROOT, "the attribute id is missing; add it"),
    ('id="M0001"', 'id="M0001" revision="2"', f"{ROOT}/@revision", "there is no attribute revision here"),
    ('severity="critical"', 'severity="bad"', f"{ROOT}/@severity", "critical, high, medium or low"),
    ("<Title>", "<Headline/><Title>", f"{ROOT}/Headline", "Headline does not belong here; expected is Title"),
    ("</Mitigation>", "<Rest/></Mitigation>", f"{ROOT}/Rest", "Rest does not belong here; expected is Note"),
    ("Block a server-side request forgery", " ", f"{ROOT}/Title", "must not be empty"),
    ("Block", "B" * 200, f"{ROOT}/Title", "at most 200 fit"),
    ("Block", "<b>Block</b>", f"{ROOT}/Title", "remove the elements in it"),
    ("<Affects", "text<Affects", ROOT, "text does not belong here"),
    ("CVE-2022-41040", "CVE-22-1", f"{ROOT}/Vulnerability/@id", "'CVE-22-1' does not fit. A CVE such as"),
    ("https://example", "file://example", f"{ROOT}/Reference/@href", "begins with https://"),
    ('days="60"', 'days="0"', f"{ROOT}/ReviewWithin/@days", "from 1 to 9999"),
    (REVIEW, "", f"{ROOT}/Affects", "ReviewWithin or ReviewBy"),
    (REVIEW, NO_DAY, f"{ROOT}/ReviewBy", "'2027-02-30' does not fit. A day"),
    ('"15.2.221.12"', '"15.2.221"', f"{RANGE}/@introduced", "Four whole numbers joined by dots"),
    ('"15.2.221.12"', '"15.2.221.012"', f"{RANGE}/@introduced", "without leading zeros"),
    ('"exchange-2019"', '"Exchange 2019"', f"{ROOT}/Affects/@product", "lower-case words joined by hyphens"),
    (SITE, '<Site name=" "/>', f"{RULE}/Site/@name", "neither empty nor begun"),
    (SITE, '<Application site="a" path="owa"/>', f"{RULE}/Application/@path", "Begins with a slash"),
    (SITE, "", INBOUND, "expected is Server, Site or Application"),
    ('pattern=".*"', 'pattern=""', f"{INBOUND}/@pattern", "must not be empty"),
    ('pattern=".*"', 'pattern=".*" negate="1"', f"{INBOUND}/@negate", "write one of true or false"),
    ('pattern=".*"', 'pattern=".*" syntax="regex"', f"{INBOUND}/@syntax", "Wildcard or ExactMatch"),
    ("<AbortRequest/>", '<CustomResponse status="200"/>', f"{ANSWER}/@status", "From 400 to 599"),
    ("<AbortRequest/>", "", INBOUND, "something is missing inside; expected is AbortRequest"),
    ("</Actions>", f"{A1}</Actions>", f"{ROOT}/Actions/DoNothing", "'A1' stands here a second time"),
    ("</Actions>", '<AppPool id="A2"/></Actions>', f"{ROOT}/Actions/AppPool", "attribute name is missing"),
    ('action="A1"', 'action="A9"', f"{ROOT}/Samples/MustPass", "mitigation has the id 'A9'"),
    ('url="/owa/"', 'url="owa"', f"{ROOT}/Samples/MustPass/@url", "Path and query as sent"),
    ("Block", "Bl\u202eock", f"{ROOT}/Title", "a reviewer must see what is there"),
    ("Block", "Bl\u200bock", f"{ROOT}/Title", "a reviewer must see what is there"),
    ('pattern=".*"', 'pattern=".*\u2066"', f"{INBOUND}/@pattern", "none of them unseen"),
    (SITE, '<Site name="Default\u00ad"/>', f"{RULE}/Site/@name", "none of them unseen"),
    ("</Actions>", '<Service id="A2" name="a/b"/></Actions>', f"{ROOT}/Actions/Service/@name", "no pool or"),
    ("<Affects", AFFECTS_MORE, f"{ROOT}/Affects[2]", "'exchange-2019' stands here a second time"),
)  # fmt: skip


@pytest.mark.parametrize(("old", "new", "path", "advice"), GRAMMAR)
def test_a_slip_in_the_grammar_is_told_with_its_remedy(old: str, new: str, path: str, advice: str) -> None:
    """The message holds file, line, path and what is allowed, and none of the library's noise."""
    spoilt = instead(DRAFT, old, new)

    with pytest.raises(SchemaError) as refused:
        read(spoilt)

    error = refused.value
    assert (error.code, error.source, error.path) == ("xml.schema", "M0001.xml", path)
    assert error.line is not None
    assert spoilt.splitlines()[error.line - 1].strip()
    assert str(error).startswith(f"M0001.xml, line {error.line}, {path}: ")
    assert advice in error.sentence
    assert "{urn" not in str(error)


# What is changed in the draft, into what, the code of the words' own refusal, and the path.
MEANING: Final = (
    ('fixed="15.2.986.36"', 'fixed="15.2.221.12"', "build.empty_range", RANGE),
    (
        "</Affects>",
        '<Range introduced="15.2.300.1"/></Affects>',
        "mitigation.contradiction",
        f"{ROOT}/Affects",
    ),
    ("<Affects", '<Supersedes id="M0001"/><Affects', "mitigation.contradiction", ROOT),
)


@pytest.mark.parametrize(("old", "new", "code", "path"), MEANING)
def test_a_contradiction_keeps_its_code_and_gains_its_place(old: str, new: str, code: str, path: str) -> None:
    """What the words refuse is told with file, line and path; the code is theirs, and so is the cause."""
    with pytest.raises(MeaningError) as refused:
        read(instead(DRAFT, old, new))

    error = refused.value
    assert (error.code, error.source, error.path) == (code, "M0001.xml", path)
    assert isinstance(error.__cause__, BadInputError)
    assert error.__cause__.code == code
    assert str(error).startswith(f"M0001.xml, line {error.line}, {path}: {error.__cause__}")


def test_one_refusal_by_the_words_does_not_colour_the_next() -> None:
    """The code belongs to the refusal, not to its class."""
    with pytest.raises(MeaningError) as refused:
        read(instead(DRAFT, 'fixed="15.2.986.36"', 'fixed="15.2.1.1"'))

    assert refused.value.code == BadRangeError.code
    assert MeaningError.code == "xml.meaning"


def test_several_slips_are_told_at_once() -> None:
    """An author need not come back for each; after ten, only their number."""
    spoilt = DRAFT.replace('id="M0001"', 'id="M1"').replace("CVE-2022", "CVE-22").replace("15.2.221.12", "15")
    many = DRAFT.replace("<Affects", "<Supersedes/>" * 30 + "<Affects")

    with pytest.raises(SchemaError) as refused:
        read(spoilt)
    with pytest.raises(SchemaError) as refused_often:
        read(many)

    assert [line.split(",")[0] for line in refused.value.others] == ["line 5", "line 9"]
    assert len(refused_often.value.others) == 10
    assert refused_often.value.others[-1].startswith("and ")


READERS: Final[Mapping[str, Callable[..., object]]] = {
    MITIGATION: read_mitigation,
    FEED: read_feed,
    CATALOGUE: read_catalogue,
}
# The document, what is changed in it, and code and path of the refusal.
PUBLISHED: Final = (
    (MITIGATION, 'revision="1"', 'revision="0"', "xml.schema", f"{ROOT}/@revision"),
    (MITIGATION, 'revision="1"', 'revision="2"', "mitigation.contradiction", ROOT),
    (MITIGATION, 'status="active"', 'status="gone"', "xml.schema", f"{ROOT}/@status"),
    (MITIGATION, "2026-05-14T12:30:00Z", "2026-05-14T12:30:00+02:00", "xml.schema", f"{ROOT}/@issued"),
    (MITIGATION, "2026-05-14T12:30:00Z", "2026-02-30T12:30:00Z", "xml.schema", f"{ROOT}/@issued"),
    (MITIGATION, "2026-05-14T12:30:00Z", "2026-05-14T12:30:60Z", "xml.schema", f"{ROOT}/@issued"),
    (MITIGATION, "2026-08-01", "2026-08-01Z", "xml.schema", f"{ROOT}/ReviewBy"),
    (MITIGATION, "</Mitigation>", "<Note>a</Note></Mitigation>", "xml.schema", f"{ROOT}/Note"),
    (FEED, 'version="1"', 'version="0"', "xml.schema", "/Feed/@version"),
    (FEED, 'expires="2026-05-16', 'expires="2026-05-14', "feed.contradiction", "/Feed"),
    (FEED, 'id="M0001"', 'id="M0002"', "feed.contradiction", "/Feed/Entry[1]/@href"),
    (FEED, 'revision="2"', 'revision="3"', "feed.contradiction", "/Feed/Entry[1]/@href"),
    (FEED, "mitigations/M0001/2.xml", "https://example.org/2.xml", "xml.schema", "/Feed/Entry[1]/@href"),
    (FEED, "sha256-", "sha512-", "xml.schema", "/Feed/Entry[1]/@digest"),
    (FEED, 'state="active"', 'state="new"', "xml.schema", "/Feed/Entry[1]/@state"),
    (FEED, 'size="5000"', 'size="-1"', "xml.schema", "/Feed/Entry[1]/@size"),
    (FEED, 'percent="100"', 'percent="101"', "xml.schema", "/Feed/Entry[1]/Rollout/@percent"),
    (FEED, 'interval="3600"', 'interval="0"', "xml.schema", "/Feed/Poll/@interval"),
    (CATALOGUE, "exchange-2019", "Exchange", "xml.schema", f"{PRODUCT}/@id"),
    (CATALOGUE, 'date="2018-10-22"', 'date="2018-13-22"', "xml.schema", f"{PRODUCT}/Release[1]/@date"),
    (CATALOGUE, "15.2.221.12", "15.2.1118.7", "catalogue.contradiction", PRODUCT),
    (CATALOGUE, "15.2.221.12", "15.2.986.36", "xml.schema", f"{PRODUCT}/Release[2]"),
    (CATALOGUE, 'id="M0001"', 'id="1"', "xml.schema", f"{PRODUCT}/CumulativeUpdate/Needless/@id"),
)  # fmt: skip


@pytest.mark.parametrize(("document", "old", "new", "code", "path"), PUBLISHED)
def test_what_is_published_and_catalogued_is_held_to_its_words(
    document: str, old: str, new: str, code: str, path: str
) -> None:
    """Feeds, mitigations and catalogues are refused by code and place as drafts are."""
    data = instead(document, old, new).encode()

    with pytest.raises(XmlError) as refused:
        READERS[document](data, source="somewhere")

    assert (refused.value.code, refused.value.path) == (code, path)


def test_entries_out_of_order_or_twice_are_refused() -> None:
    """A feed names each mitigation once, in order of id, so that equal feeds are equal bytes."""
    head, first, second = FEED.split("  <Entry ")
    second, end = second.split("</Feed>")
    swapped = f"{head}  <Entry {second}  <Entry {first}</Feed>{end}"
    twice = f"{head}  <Entry {first}  <Entry {first}</Feed>{end}"

    for spoilt in (swapped, twice):
        with pytest.raises(MeaningError) as refused:
            read_feed(spoilt.encode())
        assert (refused.value.code, refused.value.path) == ("feed.contradiction", "/Feed")


@pytest.mark.parametrize("where", ["<{0}/><Title>", "<Title {0}=''>", "<Title></{0}>", "<?{0} a?><Title>"])
def test_a_long_name_does_not_come_back_whole(where: str) -> None:
    """A refusal goes into logs and pages: whoever sends a book does not fill them."""
    with pytest.raises(XmlError) as refused:
        read(instead(DRAFT, "<Title>", where.format("n" * 40_000)))

    assert len(str(refused.value)) < 1000
