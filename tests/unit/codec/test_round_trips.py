"""Any words become bytes and the same words again; the bytes are the same every time, everywhere."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from hypothesis import given
from lxml import etree

from feedsrv.codec.authoring import read_draft, write_draft
from feedsrv.codec.catalogue import read_catalogue, write_catalogue
from feedsrv.codec.feed import read_feed, write_feed
from feedsrv.codec.mitigation import read_mitigation, write_mitigation
from feedsrv.codec.schemas import validate
from feedsrv.model.catalogue import Catalogue
from feedsrv.model.feed import Feed
from feedsrv.model.mitigation import Draft, Mitigation
from tests import words
from tests.words import QUICK

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'


def check_bytes(written: bytes, grammar: str) -> None:
    """What holds of everything we write: in its grammar, and read alike by every reader."""
    validate(etree.fromstring(written), grammar, "written")
    assert written.startswith(DECLARATION)
    assert written.endswith(b">\n")
    for unwanted in (b"\r", b"\t", b"\x00", b"\xef\xbb\xbf", b"&#", b"<!"):
        assert unwanted not in written
    assert written.count(b"<?") == 1
    tags = re.findall(rb"</?([^\s/>]+)", written.removeprefix(DECLARATION))
    assert all(b":" not in tag for tag in tags)
    declared = re.findall(rb"<[A-Za-z]+ xmlns=", written)
    assert len(declared) == 1
    told = told_by_lxml(written)
    assert not [name for _, attributes, _ in told for name, _ in attributes if "{" in name]
    assert told == told_by_expat(written)


def told_by_lxml(written: bytes) -> list[tuple[str, list[tuple[str, str]], str]]:
    """Every element with its attributes and text, as one parser reads them."""
    elements = etree.fromstring(written).iter("*")
    return [
        (str(one.tag), sorted((str(key), value) for key, value in one.items()), one.text or "")
        for one in elements
    ]


def told_by_expat(written: bytes) -> list[tuple[str, list[tuple[str, str]], str]]:
    """The same, as another parser reads them."""
    elements = ET.fromstring(written).iter()  # noqa: S314 - our own bytes
    return [(one.tag, sorted(one.items()), one.text or "") for one in elements]


class TestWhatIsWritten:
    """What every document promises."""

    @QUICK
    @given(words.mitigations())
    def test_a_mitigation_comes_back_as_it_was(self, mitigation: Mitigation) -> None:
        """Words to bytes to the same words; the same bytes twice; in the grammar; portable."""
        written = write_mitigation(mitigation)

        assert read_mitigation(written) == mitigation
        assert write_mitigation(read_mitigation(written)) == written
        check_bytes(written, "mitigation.xsd")

    @QUICK
    @given(words.feeds())
    def test_a_feed_comes_back_as_it_was(self, feed: Feed) -> None:
        """Words to bytes to the same words; the same bytes twice; in the grammar; portable."""
        written = write_feed(feed)

        assert read_feed(written) == feed
        assert write_feed(read_feed(written)) == written
        check_bytes(written, "feed.xsd")

    @QUICK
    @given(words.drafts())
    def test_a_draft_comes_back_as_it_was(self, draft: Draft) -> None:
        """With its revision and moment of issue given again, since they are not written."""
        revision, issued = draft.mitigation.revision, draft.mitigation.issued
        written = write_draft(draft)

        again = read_draft(written, revision=revision, issued=issued, source="draft")

        assert again == draft
        assert write_draft(again) == written
        check_bytes(written, "authoring.xsd")

    @QUICK
    @given(words.catalogues())
    def test_a_catalogue_comes_back_as_it_was(self, catalogue: Catalogue) -> None:
        """Words to bytes to the same words; the same bytes twice; in the grammar; portable."""
        written = write_catalogue(catalogue)

        assert read_catalogue(written, source="products.xml") == catalogue
        assert write_catalogue(read_catalogue(written, source="products.xml")) == written
        check_bytes(written, "catalogue.xsd")

    @QUICK
    @given(words.drafts())
    def test_samples_and_notes_never_reach_what_is_published(self, draft: Draft) -> None:
        """The published bytes are those of the mitigation alone: samples would teach attackers."""
        published = write_mitigation(draft.mitigation)

        assert b"<Samples" not in published
        assert b"<MustBlock" not in published
        assert b"<Note" not in published
