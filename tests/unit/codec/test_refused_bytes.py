"""What is no document of ours: refused before its words are looked at, by code, file and line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import pytest

from feedsrv.codec.feed import read_feed
from feedsrv.codec.mitigation import read_mitigation
from feedsrv.codec.parsing import LIMITS_FEED, Limits, XmlError, parse
from tests.unit.codec.documents import DRAFT, FEED, MITIGATION, SIGNATURE, instead, read

END: Final = DRAFT.count("\n") + 1
MIB: Final = 1024 * 1024

LONG_COMMENT: Final = f"<!--{'x ' * 35_000}-->"
BOMB: Final = '<!DOCTYPE a [<!ENTITY x "xx"><!ENTITY y "&x;&x;&x;"><!ENTITY z "&y;&y;&y;">]>\n'
STRANGER: Final = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n'
XINCLUDE: Final = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd" parse="text"/>'


def spoilt(old: str, new: str) -> bytes:
    """The good draft with one thing changed."""
    return instead(DRAFT, old, new).encode()


def sixty_five(before: str) -> bytes:
    """Attributes, one more than any element may have."""
    return "".join(f"{before}a{number}='a'" for number in range(65)).encode()


# name, the bytes, the code, the line that the message names (None: the file as a whole).
BAD_BYTES: Final[Iterable[tuple[str, bytes, str, int | None]]] = (
    ("empty", b"", "xml.malformed", None),
    ("blank", b" \n ", "xml.malformed", 2),
    ("a web page", b"<html>\n<br>\n</html>", "xml.malformed", 3),
    ("half a document", DRAFT[:400].encode(), "xml.malformed", DRAFT[:400].count("\n") + 1),
    ("an unknown entity", spoilt("Block", "&block;"), "xml.malformed", 2),
    ("an unknown prefix", spoilt("<Title>", "<m:Title>"), "xml.malformed", 2),
    ("a tag named depth", spoilt("<Title>", "<depth>"), "xml.malformed", 2),
    ("an attribute twice", spoilt('id="M0001"', 'id="M0001" id="M0002"'), "xml.malformed", 1),
    ("something after the end", f"{DRAFT}<More/>".encode(), "xml.malformed", END),
    ("NUL", spoilt("Block", "Bl\0ck"), "xml.malformed", 2),
    ("a control character", spoilt("Block", "Bl\x01ck"), "xml.malformed", 2),
    ("a control character by number", spoilt("Block", "Bl&#1;ck"), "xml.malformed", 2),
    ("U+FFFE", spoilt("Block", "Bl\ufffeck"), "xml.malformed", 2),
    ("U+FFFF by number", spoilt("Block", "Bl&#xFFFF;ck"), "xml.malformed", 2),
    ("a surrogate by number", spoilt("Block", "Bl&#xD800;ck"), "xml.malformed", 2),
    ("XML 1.1", f'<?xml version="1.1"?>\n{DRAFT}'.encode(), "xml.malformed", 1),
    ("UTF-16", DRAFT.encode("utf-16"), "xml.encoding", None),
    ("UTF-16 without a mark", DRAFT.encode("utf-16-le"), "xml.encoding", None),
    ("UTF-32", DRAFT.encode("utf-32"), "xml.encoding", None),
    ("latin-1", instead(DRAFT, "Block", "Blöck").encode("latin-1"), "xml.encoding", 2),
    ("a surrogate", instead(DRAFT, "Block", "Bl\udcffck").encode(errors="surrogatepass"), "xml.encoding", 2),
    ("declared latin-1", f'<?xml version="1.0" encoding="iso-8859-1"?>\n{DRAFT}'.encode(), "xml.encoding", 1),
    ("declared UTF-7", f"<?xml version='1.0' encoding='utf-7'?>\n{DRAFT}".encode(), "xml.encoding", 1),
    ("a long encoding", f'<?xml version="1.0" encoding="{"a" * 99}"?>{DRAFT}'.encode(), "xml.malformed", 1),
    ("a long version", f'<?xml version="1.{"0" * 30}" encoding="x"?>{DRAFT}'.encode(), "xml.malformed", 1),
    ("gzip", b"\x1f\x8b\x08\x00rest", "xml.encoding", None),
    ("an entity bomb", f"\n{BOMB}{DRAFT}".encode(), "xml.dtd", 2),
    ("a file as entity", f"{STRANGER}{instead(DRAFT, 'Block', '&x;')}".encode(), "xml.dtd", 1),
    ("an outside DTD", f'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">{DRAFT}'.encode(), "xml.dtd", 1),
    ("an instruction before", f'<?xml-model href="a"?>\n{DRAFT}'.encode(), "xml.processing_instruction", 1),
    ("an instruction inside", spoilt("<Title>", "<?a b?><Title>"), "xml.processing_instruction", 2),
    ("an instruction after", f"{DRAFT}<?a b?>".encode(), "xml.processing_instruction", END),
    ("xml:base", spoilt("<Title>", '<Title xml:base="a">'), "xml.not_portable", 2),
    ("a TAB in an attribute", spoilt("Default ", "Default&#9;"), "xml.not_portable", 13),
    ("a TAB in hexadecimal", spoilt("Default ", "Default&#x0009;"), "xml.not_portable", 13),
    ("a CR in an attribute", spoilt("Default ", "Default&#xd;"), "xml.not_portable", 13),
    ("a line feed in an attribute", spoilt("Default ", "Default&#xA;"), "xml.not_portable", 13),
    ("a CR in a text", spoilt("Block", "&#013;Block"), "xml.not_portable", 2),
    ("a CR after an element", spoilt("</Title>", "</Title>&#13;"), "xml.not_portable", 2),
    ("XInclude", spoilt("<Title>", f"{XINCLUDE}<Title>"), "xml.schema", 2),
    ("another namespace", spoilt("urn:feedsrv:authoring:1", "urn:other"), "xml.schema", 1),
    ("no namespace", spoilt(' xmlns="urn:feedsrv:authoring:1"', ""), "xml.schema", 1),
    ("too large", DRAFT.encode() + b" " * MIB, "xml.too_large", None),
    ("too deep", b"<a>" * 17 + b"</a>" * 17, "xml.too_deep", None),
    ("far too deep", b"<a>" * 3000 + b"</a>" * 3000, "xml.too_deep", None),
    ("too many elements", b"<a>" + b"<b/>" * 4000 + b"</a>", "xml.too_many_elements", None),
    ("65 attributes", b"\n<a" + sixty_five(" ") + b"/>", "xml.too_many_attributes", 2),
    ("65 namespaces", b"<a" + sixty_five(" xmlns:") + b"/>", "xml.too_many_attributes", 1),
    ("a long text", spoilt("Block", "B" * 70_000), "xml.text_too_long", 2),
    ("a long comment", spoilt("<Title>", LONG_COMMENT + "<Title>"), "xml.text_too_long", 2),
)  # fmt: skip


@pytest.mark.parametrize(("name", "data", "code", "line"), BAD_BYTES, ids=[case[0] for case in BAD_BYTES])
def test_each_bad_input_is_refused_by_name(name: str, data: bytes, code: str, line: int | None) -> None:
    """The refusal has its code, and names the file and the line."""
    with pytest.raises(XmlError) as refused:
        read(data)

    assert refused.value.code == code
    assert refused.value.source == "M0001.xml"
    assert refused.value.line == line
    assert str(refused.value).startswith("M0001.xml" if line is None else f"M0001.xml, line {line}")


def _filled(head: bytes, unit: Callable[[int], bytes], tail: bytes = b"</a>") -> bytes:
    return head + b"".join(map(unit, range((5 * MIB - 100) // len(unit(99_999))))) + tail


# Five mebibytes each, built to keep a parser, an `attrib` or a canonicalisation busy.
HOSTILE: Final = {
    "attributes": (_filled(b"<a", lambda i: b' a%05d=""' % i, b"/>"), "xml.too_many_attributes"),
    "namespaces": (_filled(b"<a", lambda i: b' xmlns:a%05d="a"' % i, b"/>"), "xml.too_many_attributes"),
    "spread": (_filled(b"<a>", lambda _: b"<b" + b' a=""' * 60 + b"/>"), "xml.too_many_attributes"),
    "elements": (_filled(b"<a>", lambda _: b"<b/>"), "xml.too_many_elements"),
    "depth": (_filled(b"<a>", lambda _: b"<b>"), "xml.too_many_elements"),
    "comments": (_filled(b"<a>", lambda _: b"<!---->"), "xml.too_many_elements"),
    "text": (_filled(b"<a>", lambda _: b"x"), "xml.text_too_long"),
    "references": (_filled(b"<a>", lambda _: b"&#65;"), "xml.text_too_long"),
    "a name": (_filled(b"<a>", lambda _: b"<" + b"n" * 60_000 + b"/>"), "xml.malformed"),
    "brackets": (b"<" * 5 * MIB, "xml.too_many_elements"),
}  # fmt: skip
ROOMY: Final = Limits(
    6 * MIB,
    LIMITS_FEED.max_depth,
    LIMITS_FEED.max_elements,
    LIMITS_FEED.max_attributes,
    LIMITS_FEED.max_text,
)


@pytest.mark.parametrize(("data", "code"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_documents_are_refused_by_counting(data: bytes, code: str) -> None:
    """Even where the bytes alone would be allowed; a feed's own limit refuses them sooner still."""
    with pytest.raises(XmlError) as counted:
        parse(data, limits=ROOMY, source="feed")
    with pytest.raises(XmlError) as measured:
        parse(data, limits=LIMITS_FEED, source="feed")

    assert counted.value.code == code
    assert measured.value.code == "xml.too_large"


def test_64_attributes_and_a_busy_comment_are_no_reason_to_refuse() -> None:
    """The limit is on attributes, not on signs that look like them."""
    attributes = b"".join(b' a%d="=&gt;=" ' % i for i in range(64))
    data = b"<!-- " + b"=" * 500 + b" --><a" + attributes + b">" + b"1=2 " * 100 + b"</a>"

    root = parse(data, limits=LIMITS_FEED, source="feed")

    assert len(root.attrib) == 64


def test_a_byte_order_mark_is_passed_over_only_where_people_write() -> None:
    """Some editors add one to an authored file; in what is published some verifiers refuse it."""
    marked = b"\xef\xbb\xbf"

    assert read(marked + DRAFT.encode()) == read(DRAFT)
    with pytest.raises(XmlError) as refused:
        read_mitigation(marked + MITIGATION.encode())
    assert refused.value.code == "xml.encoding"


def test_windows_line_ends_do_not_matter_where_people_write() -> None:
    """A draft saved with CR LF holds the same words."""
    assert read(DRAFT.replace("\n", "\r\n")) == read(DRAFT)


def test_a_signature_is_passed_over_as_last_child_and_nowhere_else() -> None:
    """Trust has dealt with it by then; a second one, or one in the middle, is refused."""
    signed = instead(MITIGATION, "</Mitigation>", f"{SIGNATURE}</Mitigation>")
    signed_feed = instead(FEED, "</Feed>", f"{SIGNATURE}</Feed>")

    assert read_mitigation(signed.encode()) == read_mitigation(MITIGATION.encode())
    assert read_feed(signed_feed.encode()) == read_feed(FEED.encode())
    for misplaced in (
        instead(MITIGATION, "</Mitigation>", f"{SIGNATURE}{SIGNATURE}</Mitigation>"),
        instead(MITIGATION, "<Title>", f"{SIGNATURE}<Title>"),
        instead(DRAFT, "</Mitigation>", f"{SIGNATURE}</Mitigation>"),
    ):
        with pytest.raises(XmlError) as refused:
            read(misplaced) if "authoring" in misplaced else read_mitigation(misplaced.encode())
        assert refused.value.code == "xml.schema"


def test_white_space_references_inside_a_signature_are_left_alone() -> None:
    """Some signers write `&#13;` into their base64; a signature does not cover itself."""
    signature = SIGNATURE.replace("<ds:SignedInfo/>", "<ds:SignatureValue>AA&#13;\nBB</ds:SignatureValue>")
    signed = instead(MITIGATION, "</Mitigation>", f"{signature}</Mitigation>")

    assert read_mitigation(signed.encode()) == read_mitigation(MITIGATION.encode())
