"""Bad input on the service's command line: each is refused by name, and nothing is changed by it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import MITIGATIONS, Service, new_service

GOOD = (MITIGATIONS / "M0001.xml").read_bytes().replace(b'id="M0001"', b'id="M0042"')
PRODUCTS = (MITIGATIONS / "products.xml").read_bytes()
REGISTER = "cu register --name Update --date 2026-07-14 --as alice"
LINE = "exchange-2019 --build 15.2.1748.99"


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A service that has published."""
    return new_service(tmp_path)


def expect_refusal(service: Service, words: list[str], code: str, *named: str) -> None:
    """Exit code 1, the code, everything that must be named, and nothing changed."""
    before = service.everything()

    result = service.call(*words)

    assert result.exit_code == 1, result.output
    assert result.stderr.startswith(f"error [{code}]: "), result.stderr
    assert [one for one in named if one not in result.stderr] == [], result.stderr
    assert service.everything() == before


def expect_wrong_usage(service: Service, words: list[str], *named: str) -> None:
    """Exit code 2, everything that must be named, and nothing changed."""
    before = service.everything()

    result = service.call(*words)

    assert result.exit_code == 2, result.output
    assert [one for one in named if one not in result.stderr] == [], result.stderr
    assert service.everything() == before


@dataclass(frozen=True)
class BadFile:
    """A file that cannot be imported: how it is made from a good one, and what is said of it."""

    change: Callable[[bytes], bytes]
    code: str
    named: tuple[str, ...]


def changed(pattern: bytes, by: bytes) -> Callable[[bytes], bytes]:
    """Replace the first match, which must be there."""

    def change(good: bytes) -> bytes:
        bad, count = re.subn(pattern, by, good, count=1)
        assert count == 1, pattern
        return bad

    return change


BAD_MITIGATIONS = {
    "empty": BadFile(lambda _: b"", "xml.malformed", ("empty",)),
    "half": BadFile(lambda good: good[:900], "xml.malformed", ("line 13", "not well-formed")),
    "a web page": BadFile(
        lambda _: b"<html/>", "xml.schema", ("line 1, /html", "must begin with <Mitigation")
    ),
    "oversized": BadFile(
        lambda good: good.replace(b"</Mitigation>", b"<!--" + b"x" * 600_000 + b"--></Mitigation>"),
        "xml.too_large",
        ("bytes; at most",),
    ),
    "with a DTD": BadFile(
        changed(rb"<Mitigation ", b'<!DOCTYPE Mitigation [<!ENTITY x "y">]>\n<Mitigation '),
        "xml.dtd",
        ("line 2", "remove it"),
    ),
    "UTF-16": BadFile(
        lambda good: good.decode().replace("UTF-8", "UTF-16").encode("utf-16"), "xml.encoding", ("UTF-8",)
    ),
    "Latin-1": BadFile(changed(rb"ProxyNotShell", b"Proxy\xe9Shell"), "xml.encoding", ("line 3", "UTF-8")),
    "unknown severity": BadFile(
        changed(rb'severity="critical"', b'severity="fatal"'),
        "xml.schema",
        ("line 2, /Mitigation/@severity", "'fatal'", "critical, high, medium or low"),
    ),
    "unknown product": BadFile(
        changed(rb'product="exchange-2019"', b'product="exchange-2020"'),
        "publishing.lint",
        ("S1 M0042", "exchange-2020 is not in the catalogue", "exchange-2019"),
    ),
    "unknown build": BadFile(
        changed(rb'introduced="15\.2\.221\.12"', b'introduced="15.2.221.11"'),
        "publishing.lint",
        ("S1 M0042", "15.2.221.11", "the catalogue has 15.2.221.12"),
    ),
    "no build": BadFile(
        changed(rb'introduced="15\.2\.221\.12"', b'introduced="15.2.x"'),
        "xml.schema",
        ("line 30", "@introduced", "'15.2.x'", "such as 15.2.1118.7"),
    ),
    "fixed below introduced": BadFile(
        changed(rb'(introduced="15\.2\.221\.12") fixed="[^"]*"', rb'\1 fixed="15.2.0.1"'),
        "build.empty_range",
        ("line 30", "/Affects[2]/Range[1]", "15.2.0.1 must lie above 15.2.221.12"),
    ),
    "superseding itself": BadFile(
        changed(rb"<Affects", b'<Supersedes id="M0042"/><Affects'),
        "mitigation.contradiction",
        ("M0042 cannot supersede itself",),
    ),
}


@pytest.mark.parametrize("name", BAD_MITIGATIONS)
def test_a_bad_mitigation_is_refused_with_file_place_and_remedy(
    service: Service, tmp_path: Path, name: str
) -> None:
    """Whoever wrote it finds the place, and nothing of it is kept."""
    bad = BAD_MITIGATIONS[name]
    file = tmp_path / "bad.xml"
    file.write_bytes(bad.change(GOOD))

    expect_refusal(
        service, ["mitigation", "import", str(file), "--as", "alice"], bad.code, str(file), *bad.named
    )


BAD_CATALOGUES = {
    "a mitigation": BadFile(
        lambda _: GOOD, "xml.schema", ("line 2, /Mitigation", "must begin with <Catalogue")
    ),
    "a product twice": BadFile(
        changed(rb'id="exchange-se"', b'id="exchange-2019"'),
        "xml.schema",
        ("/Catalogue/Product[3]", "'exchange-2019'", "name each once"),
    ),
    "without a product that is in use": BadFile(
        changed(rb'(?s)  <Product id="sfb-2015".*?</Product>', b""),
        "publishing.bad_change",
        ("sfb-2015", "supportedUntil"),
    ),
}


@pytest.mark.parametrize("name", BAD_CATALOGUES)
def test_a_bad_catalogue_is_refused_with_file_place_and_remedy(
    service: Service, tmp_path: Path, name: str
) -> None:
    """The catalogue in force stays as it is."""
    bad = BAD_CATALOGUES[name]
    file = tmp_path / "products.xml"
    file.write_bytes(bad.change(PRODUCTS))

    expect_refusal(
        service, ["catalogue", "import", str(file), "--as", "alice"], bad.code, str(file), *bad.named
    )


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        ("mitigation show M0099", "publishing.unknown_mitigation", "M0099; `feedsrv mitigation list`"),
        ("mitigation show M0001 --revision 9", "publishing.unknown_mitigation", "M0001 revision 9"),
        ("mitigation diff M0099", "publishing.unknown_mitigation", "M0099"),
        ("mitigation lint M0099", "publishing.unknown_mitigation", "M0099"),
        ("mitigation submit M0099 --as alice", "publishing.unknown_mitigation", "M0099"),
        ("mitigation approve M0099 --digest sha256:0 --as bob", "publishing.unknown_mitigation", "M0099"),
        ("mitigation return M0099 --reason no --as bob", "publishing.unknown_mitigation", "M0099"),
        ("mitigation discard M0099 --as alice", "publishing.unknown_mitigation", "M0099"),
        ("mitigation withdraw M0099 --reason no --as bob", "publishing.unknown_mitigation", "M0099"),
        (
            "mitigation approve M0001 --digest sha256:0 --as bob",
            "lifecycle.wrong_stage",
            "approve is not possible while published",
        ),
        ("mitigation discard M0001 --as bob", "lifecycle.wrong_stage", "discard is not possible"),
        ("feed show nothing", "publishing.unknown_feed", "nothing/production"),
        ("feed show exchange-2019 nothing", "publishing.unknown_feed", "exchange-2019/nothing"),
        (f"cu release --product {LINE} --as bob", "publishing.unknown_update", "feedsrv cu register"),
        (f"{REGISTER} --product nothing --build 1.2.3.4", "catalogue.unknown_product", "'nothing'"),
    ],
)
def test_what_is_not_there_is_said_by_name(service: Service, words: str, code: str, named: str) -> None:
    """And the next command to type stands in the message where there is one."""
    expect_refusal(service, words.split(), code, named)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (f"{REGISTER} --product exchange-2019 --build 15.2.x", ("--build", "'15.2.x'", "such as")),
        (f"{REGISTER} --product {LINE} --fixes CVE-2026", ("--fixes", "'CVE-2026'", "CVE-2026-42897")),
        (f"{REGISTER} --product {LINE} --needless ProxyLogon", ("--needless", "'ProxyLogon'", "M0001")),
        (f"{REGISTER} --product {LINE} --date 2026-13-01", ("--date", "'2026-13-01'")),
        ("mitigation import /nowhere/at/all.xml", ("/nowhere/at/all.xml", "does not exist")),
        ("mitigation import", ("FILES",)),
        ("mitigation withdraw M0001", ("--reason",)),
        ("mitigation show M0001 --revision 0", ("--revision",)),
        ("feed publsh", ("publsh",)),
    ],
)
def test_a_slip_on_the_command_line_is_wrong_usage(
    service: Service, words: str, named: tuple[str, ...]
) -> None:
    """The option is named, what it got and what it takes."""
    expect_wrong_usage(service, words.split(), *named)


@pytest.mark.parametrize("option", ["--name", "--fixes", "--kb"])
def test_an_update_is_not_registered_with_an_empty_word(service: Service, option: str) -> None:
    """A registered update is never registered with less, so an empty word would stay for good."""
    words = [*REGISTER.split(), "--product", *LINE.split(), "--fixes", "CVE-2026-42897"]

    expect_wrong_usage(service, [*words, option, " "], option)


def test_two_files_with_the_same_id_are_not_imported_together(service: Service, tmp_path: Path) -> None:
    """The second would quietly take the place of the first."""
    first, second = tmp_path / "first.xml", tmp_path / "second.xml"
    first.write_bytes(GOOD)
    second.write_bytes(GOOD.replace(b"ProxyNotShell", b"Another"))

    expect_refusal(
        service,
        ["mitigation", "import", str(first), str(second), "--as", "alice"],
        "mitigation.twins",
        str(first),
        str(second),
        "M0042",
    )


def test_one_bad_file_among_good_ones_leaves_all_of_them_out(service: Service, tmp_path: Path) -> None:
    """Half of an import is nothing that anybody asked for."""
    good, bad = tmp_path / "good.xml", tmp_path / "half.xml"
    good.write_bytes(GOOD)
    bad.write_bytes(GOOD[:900])

    expect_refusal(
        service, ["mitigation", "import", str(good), str(bad), "--as", "alice"], "xml.malformed", str(bad)
    )


def test_a_file_whose_name_is_no_utf8_is_imported_all_the_same(service: Service, tmp_path: Path) -> None:
    """Its name is written down as far as it can be read."""
    file = tmp_path / "na\udcefve.xml"
    file.write_bytes(GOOD)

    printed = service.done("mitigation", "import", str(file), "--as", "alice")

    assert "na\ufffdve.xml: M0042 revision 1 created" in printed


@pytest.mark.parametrize(
    "words", [["mitigation", "show", "M\udcef"], ["feed", "show", "exchange\udcef"]], ids=["id", "product"]
)
def test_a_word_that_is_no_utf8_is_refused(service: Service, words: list[str]) -> None:
    """It can be in no database, and is nobody's bug."""
    expect_refusal(service, words, "input.not_utf8", "\\udcef", "UTF-8")


@pytest.mark.parametrize("person", ["", " ", "a\nb", "x" * 65, "al\udcefce"])
def test_nobody_acts_under_a_name_that_cannot_be_written_down(
    service: Service, tmp_path: Path, person: str
) -> None:
    """The audit log names people, one line each."""
    file = tmp_path / "m.xml"
    file.write_bytes(GOOD)

    expect_refusal(service, ["mitigation", "import", str(file), "--as", person], "publishing.bad_name")


def test_what_is_no_file_is_said_in_the_systems_words(service: Service, tmp_path: Path) -> None:
    """No traceback for a folder that stands where the shelf should be a folder of files."""
    shelf = tmp_path / "shelf"
    shelf.write_text("a file, no folder")
    other = Service(service.data, {**service.settings, "FEEDSRV_SHELF": str(shelf)})

    result = other.call("feed", "refresh", "--force", "--as", "bob")

    assert result.exit_code == 1
    assert str(shelf) in result.stderr
