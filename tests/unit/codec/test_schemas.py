"""The grammars as files: complete, documented for authors, safe to serve and to share."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest
from lxml import etree

from feedsrv.codec.feed import NAMESPACE as FEED_NAMESPACE
from feedsrv.codec.feed import read_feed
from feedsrv.codec.parsing import SchemaError
from feedsrv.codec.schemas import SCHEMAS, UnknownSchemaError, schema_file
from tests.unit.codec.documents import FEED, instead

XSD: Final = "{http://www.w3.org/2001/XMLSchema}"


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_grammar_is_served_with_everything_it_includes(name: str) -> None:
    """Whoever downloads one finds what it names beside it, under the same names."""
    grammar = etree.fromstring(schema_file(name))

    included = {one.get("schemaLocation") for one in grammar.iter(f"{XSD}include", f"{XSD}import")}

    assert grammar.tag == f"{XSD}schema"
    assert included <= set(SCHEMAS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_named_type_with_a_form_explains_itself(name: str) -> None:
    """Refusals quote these sentences, and editors show them."""
    grammar = etree.fromstring(schema_file(name))

    named = [kind for kind in grammar.iter(f"{XSD}simpleType") if kind.get("name")]

    for kind in named:
        assert kind.findtext(f"{XSD}annotation/{XSD}documentation", "").endswith("."), kind.get("name")


def test_an_unknown_grammar_is_not_found() -> None:
    """Names come from a URL: nothing outside the folder is ever read."""
    for name in ("../schemas.py", "feed", "/etc/passwd"):
        with pytest.raises(UnknownSchemaError) as refused:
            schema_file(name)
        assert refused.value.code == "xml.unknown_schema"


def test_threads_do_not_mix_their_refusals() -> None:
    """A server checks documents at once; each is told of its own slips and of no other's."""
    documents = [instead(FEED, 'version="1"', f'version="x{number}"').encode() for number in range(40)]

    def refusal(document: bytes) -> str:
        with pytest.raises(SchemaError) as refused:
            read_feed(document)
        return refused.value.sentence

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(refusal, documents))

    expected = "'x{}' does not fit. A whole number from 1 to 999999999."
    assert told == [expected.format(number) for number in range(40)]


@pytest.mark.parametrize("number", [1000, 11_000])
def test_thousands_of_bad_entries_are_told_in_a_few_lines(number: int) -> None:
    """A refusal is for people and logs: it stays short, and is there at once, however much is wrong."""
    entry = FEED[FEED.index("  <Entry") : FEED.index("  <Entry", FEED.index("<Entry") + 1)]
    document = FEED.replace(entry, entry.replace("sha256", "md5") * number)

    with pytest.raises(SchemaError) as refused:
        read_feed(document.encode())

    assert refused.value.path == "/Feed/Entry[1]/@digest"
    assert len(str(refused.value)) < 3000
    assert FEED_NAMESPACE not in str(refused.value)


@pytest.mark.parametrize("slips", [0, 1, 499])
def test_a_long_feed_is_held_against_the_whole_grammar(slips: int) -> None:
    """Looking for a flood of slips first lets none of them pass, and finds none where there are none."""
    first, last = FEED.index("  <Entry"), FEED.index('  <Entry id="PING1"')
    entry = FEED[first:last]
    good = "".join(entry.replace("M0001", f"M{number:04}") for number in range(3000))
    bad = "".join(entry.replace("M0001", f"M{number}") for number in range(10_000, 10_000 + slips))
    document = (FEED[:first] + good + bad + FEED[last:]).encode()

    if slips:
        with pytest.raises(SchemaError) as refused:
            read_feed(document)
        assert refused.value.path == "/Feed/Entry[3001]/@id"
    else:
        assert len(read_feed(document).entries) == 3001
