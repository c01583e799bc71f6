"""Every element of a configuration text knows where it stands."""

from __future__ import annotations

import pytest

from feedsrv.agent.adapters.config_text import ConfigText, DamagedConfigError, Element, parse_config
from feedsrv.agent.ports import AdapterError

ODD = """\
<?xml version='1.0'?>
<!-- <not> -->
<configuration xmlns="http://schemas.microsoft.com/.NetConfiguration/v2.0">
  <a b='1 > 0 "/>"' c="'/>'"
     d = "x" ><![CDATA[<e/>]]><f/><g ></g ></a
  >
  <h />\u00fc<i></i>
</configuration>
<!-- after -->
"""


def _every(element: Element) -> list[Element]:
    return [element, *(one for child in element.children for one in _every(child))]


def _written(text: ConfigText, element: Element) -> str:
    return text.between(element.start, element.end).decode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_each_element_is_found_where_it_stands(encoding: str) -> None:
    """Odd quotes, blanks in tags, CDATA, comments and letters beyond ASCII do not shift a position."""
    text = parse_config(ODD.encode(encoding), source="odd")

    found = {one.tag: _written(text, one) for one in _every(text.root)}

    assert found["f"] == "<f/>"
    assert found["g"] == "<g ></g >"
    assert found["h"] == "<h />"
    assert found["i"] == "<i></i>"
    assert found["a"].startswith("<a b=")
    assert found["a"].endswith("</a\n  >")
    assert found["configuration"].startswith("<configuration xmlns=")
    assert {one.tag: one.line for one in _every(text.root)}["h"] == 7


def test_start_and_end_tags_are_told_apart() -> None:
    """What is inside lies between `open_end` and `close`; a self-closed element has no inside."""
    text = parse_config(ODD.encode(), source="odd")
    by_tag = {one.tag: one for one in _every(text.root)}

    inside = text.between(by_tag["a"].open_end, by_tag["a"].close)

    assert inside == b"<![CDATA[<e/>]]><f/><g ></g >"
    assert by_tag["f"].self_closed
    assert not by_tag["i"].self_closed
    assert text.self_closing(by_tag["h"]) == b" />"
    assert text.self_closing(by_tag["i"]) == b"></i>"


def test_attributes_are_read_as_they_mean() -> None:
    """Quotes and references are resolved."""
    text = parse_config(b"<a b='&quot;&#x41;' c=\"'\"/>", source="x")

    assert text.root.attributes == {"b": '"A', "c": "'"}


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"", 1),
        (b"<a>\n<b>\n</a>", 3),
        (b"<a>\n&unknown;</a>", 2),
        (b"\n<a b='1' b='2'/>", 2),
        (b"<a/>\n<b/>", 2),
        (b"<!DOCTYPE a>\n<a/>", 1),
        (b"\xff\xfe<\x00a", 1),
        (b"\xef\xbb\xbf<a>\xff</a>", 1),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', 1),
        (b'<?xml version="1.0" encoding="utf-7"?><a>+AGE-</a>', 1),
    ],
)
def test_what_iis_could_not_read_is_refused_with_its_line(raw: bytes, line: int) -> None:
    """File and line are in the message, and as values."""
    with pytest.raises(DamagedConfigError, match=f"some.config, line {line}: ") as caught:
        parse_config(raw, source="some.config")

    assert (caught.value.source, caught.value.line) == ("some.config", line)


def test_text_goes_back_into_its_own_encoding() -> None:
    """A letter that the file's encoding has not is refused, not replaced."""
    raw = '<?xml version="1.0" encoding="iso-8859-1"?><a b="\u00fc"/>'.encode("latin-1")
    text = parse_config(raw, source="latin")

    assert text.encode(text.data) == raw
    with pytest.raises(AdapterError, match="latin: its encoding iso-8859-1 has no character '\u4e2d'"):
        text.encode(text.data + "\u4e2d".encode())
