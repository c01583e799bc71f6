from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from threading import Event

import pytest
from hypothesis import given, strategies

from feedsrv.publishing.notices import addresses
from feedsrv.publishing.notices.addresses import (
    Networks,
    Target,
    judge_address,
    judge_target,
    read_networks,
    read_target,
    resolved,
)
from feedsrv.publishing.notices.refusals import BadWebhookUrlError, ForbiddenAddressError
from tests.words import QUICK

NOWHERE = "0.0.0.0"  # noqa: S104 -- refused, not bound
OUTSIDE = "93.184.215.14"
OUTSIDE_6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"
OFFICE: Networks = (ip_network("10.1.0.0/16"), ip_network("fd00:aa::/32"))
EVERYTHING: Networks = (ip_network("0.0.0.0/0"), ip_network("::/0"))


def _https(host: str, port: int, path: str) -> Target:
    return Target(is_secure=True, host=host, port=port, path=path)


class TestReadingAnAddress:
    """An address is read in one way, or not at all."""

    @pytest.mark.parametrize(
        ("url", "target"),
        [
            ("https://hooks.example.org/a?b=c", _https("hooks.example.org", 443, "/a?b=c")),
            ("HTTPS://Hooks.Example.ORG", _https("hooks.example.org", 443, "/")),
            ("https://hooks.example.org.:8443?x", _https("hooks.example.org", 8443, "/?x")),
            ("https://xn--bcher-kva.example/", _https("xn--bcher-kva.example", 443, "/")),
            ("http://10.1.2.3:8080/x", Target(is_secure=False, host="10.1.2.3", port=8080, path="/x")),
            ("https://[2606:2800::0001]:444/", _https("2606:2800::1", 444, "/")),
            ("https://chat_1.corp.internal/", _https("chat_1.corp.internal", 443, "/")),
        ],
    )
    def test_a_plain_one_is_taken_apart(self, url: str, target: Target) -> None:
        """Scheme, host, port and path."""
        assert read_target(url) == target

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "hooks.example.org",
            "//hooks.example.org/",
            "ftp://hooks.example.org/",
            "file:///etc/passwd",
            "gopher://127.0.0.1:25/x",
            "https://",
            "https:///path",
            "https://user@hooks.example.org/",
            "https://user:secret@hooks.example.org/",
            "https://hooks.example.org@127.0.0.1/",
            "https://hooks.example.org#@127.0.0.1/",
            "https://hooks.example.org/#",
            "https://hooks.example.org\\@127.0.0.1/",
            "https://hooks.example.org/ x",
            "https://hooks.example.org/\r\nHost: x",
            "https://hooks.example.org/\x00",
            "https://hooks.example.org:0/",
            "https://hooks.example.org:65536/",
            "https://hooks.example.org:8x/",
            "https://hooks..example.org/",
            "https://-hooks.example.org/",
            "https://hooks%2eexample.org/",
            "https://b\u00fccher.example/",
            "https://\u2460\u2461\u2466.0.0.1/",
            "https://127\u30020.0.1/",
            "https://[fe80::1%25eth0]/",
            "https://[::1/",
            "https://[127.0.0.1]/",
            "https://[v1.x]/",
            pytest.param("https://hooks.example.org/" + "x" * 2000, id="endless"),
            pytest.param("https://" + "a." * 130 + "org/", id="endless name"),
        ],
    )
    def test_what_can_be_read_in_two_ways_is_refused(self, url: str) -> None:
        """Or goes elsewhere than it seems, or nowhere."""
        with pytest.raises(BadWebhookUrlError):
            read_target(url)

    @pytest.mark.parametrize(
        "host",
        [
            "2130706433",
            "0x7f000001",
            "0X7F.1",
            "017700000001",
            "0177.0.0.1",
            "127.1",
            "127.0.1",
            "127.0.0.1.",
            "0x7f.0x0.0x0.0x1",
            "127.0.0.01",
            "127.0.0.256",
            "1.2.3.4.5",
            "0x",
            "evil.0x1",
        ],
    )
    def test_a_number_in_another_spelling_is_refused(self, host: str) -> None:
        """Decimal, octal, hexadecimal or short: every resolver reads them its own way."""
        with pytest.raises(BadWebhookUrlError, match="four decimal numbers"):
            read_target(f"https://{host}/")


class TestJudgingAnAddress:
    """Out into the world, and nowhere else."""

    @pytest.mark.parametrize(
        "address", [OUTSIDE, OUTSIDE_6, "1.1.1.1", "64:ff9b::5db8:d70e", f"::ffff:{OUTSIDE}"]
    )
    def test_the_world_is_reached(self, address: str) -> None:
        """By IPv4, IPv6, and by IPv4 inside of IPv6."""
        judge_address(address, ())

    @pytest.mark.parametrize(
        "address",
        [
            "127.0.0.1",
            "127.255.255.254",
            NOWHERE,
            "0.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.1.1",
            "169.254.169.254",
            "192.0.0.192",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fe80::1%eth0",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "100::1",
            "2001:db8::1",
            "2001:0:4136:e378::1",
            "::127.0.0.1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:7f00:1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2002:c0a8:101::1",
        ],
    )
    def test_inside_is_not(self, address: str) -> None:
        """This machine, this site, the clouds' own services; also where IPv6 carries such an address."""
        with pytest.raises(ForbiddenAddressError):
            judge_address(address, ())

    @pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "fd00:aa::1"])
    def test_a_network_that_is_allowed_is_reached(self, address: str) -> None:
        """By any of its spellings."""
        judge_address(address, OFFICE)

    @pytest.mark.parametrize("address", ["10.2.0.1", "fd00:ab::1", "192.168.1.1"])
    def test_no_other_network_is(self, address: str) -> None:
        """What is beside it stays closed."""
        with pytest.raises(ForbiddenAddressError):
            judge_address(address, OFFICE)

    @pytest.mark.parametrize(
        "address",
        [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "fd00:ec2::254",
            NOWHERE,
            "224.0.0.1",
        ],
    )
    def test_secrets_of_the_machine_are_not_reached_whatever_is_allowed(self, address: str) -> None:
        """Nobody who allows a network means the service that hands out credentials."""
        with pytest.raises(ForbiddenAddressError):
            judge_address(address, EVERYTHING)


class TestJudgingAName:
    """A name is judged by everything that it leads to."""

    def test_every_address_must_be_allowed(self) -> None:
        """Also the second of two, to which a connection might go."""
        target = read_target("https://hooks.example.org/")

        assert judge_target(target, (), lambda *_: (OUTSIDE, OUTSIDE_6)) == (OUTSIDE, OUTSIDE_6)
        with pytest.raises(ForbiddenAddressError, match=r"hooks\.example\.org \(127\.0\.0\.1\)"):
            judge_target(target, (), lambda *_: (OUTSIDE, "127.0.0.1"))

    @pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "x.localhost", "localhost.localdomain"])
    def test_names_of_this_machine_are_known_without_asking(self, host: str) -> None:
        """Whatever the resolver would say."""
        with pytest.raises(ForbiddenAddressError):
            judge_target(read_target(f"https://{host}/"), (), lambda *_: (OUTSIDE,))

    def test_a_name_that_is_unknown_now_leads_nowhere(self) -> None:
        """It is judged again at each sending."""
        assert judge_target(read_target("https://hooks.example.org/"), (), lambda *_: ()) == ()

    @pytest.mark.parametrize("leads_to", [(), (OUTSIDE,), ("10.1.0.1", OUTSIDE)])
    def test_http_is_for_allowed_networks_alone(self, leads_to: tuple[str, ...]) -> None:
        """Elsewhere everybody on the way could read what is not yet public."""
        with pytest.raises(BadWebhookUrlError, match="http is for"):
            judge_target(read_target("http://chat.corp.internal/"), OFFICE, lambda *_: leads_to)

    def test_http_into_an_allowed_network_is_fine(self) -> None:
        """By name or by number."""
        by_name = judge_target(read_target("http://chat.corp.internal/"), OFFICE, lambda *_: ("10.1.0.1",))
        by_number = judge_target(read_target("http://10.1.0.2:8080/"), OFFICE, lambda *_: ())

        assert (by_name, by_number) == (("10.1.0.1",), ("10.1.0.2",))


class TestTheResolver:
    """Names as this machine knows them."""

    def test_a_name_leads_to_all_of_its_addresses_once(self) -> None:
        """This machine's own is known everywhere."""
        found = resolved("localhost", 443)

        assert set(found) & {"127.0.0.1", "::1"}
        assert len(found) == len(set(found))

    @pytest.mark.parametrize("host", ["nobody.invalid", "x" * 64 + ".invalid", "a..b"])
    def test_what_is_no_name_leads_nowhere(self, host: str) -> None:
        """Without an error that its caller would have to know."""
        assert resolved(host, 443) == ()

    def test_a_resolver_that_hangs_is_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whoever adds an address, and whoever sends to it, goes on without."""
        over = Event()
        monkeypatch.setattr(addresses, "_PATIENCE", 0.05)

        def hang(*_: object, **__: object) -> None:
            over.wait(30)
            raise OSError

        monkeypatch.setattr(socket, "getaddrinfo", hang)

        found = resolved("hooks.example.org", 443)
        over.set()

        assert found == ()


class TestTheSetting:
    """`FEEDSRV_WEBHOOK_NETWORKS`."""

    def test_networks_stand_with_white_space_between(self) -> None:
        """None at all where it is not set."""
        assert read_networks(None) == read_networks(" ") == ()
        assert read_networks("10.1.0.0/16\n fd00::/8 127.0.0.1") == (
            IPv4Network("10.1.0.0/16"),
            IPv6Network("fd00::/8"),
            IPv4Network("127.0.0.1/32"),
        )

    @pytest.mark.parametrize(
        "text", ["10.1.0.0/33", "10.1.2.3/16", "10.1.0.0/16, fd00::/8", "office", "10.1"]
    )
    def test_a_word_that_is_no_network_is_refused(self, text: str) -> None:
        """Rather than left out: what is refused later would be a riddle."""
        with pytest.raises(ValueError, match=text.split(maxsplit=1)[0].rstrip(",")):
            read_networks(text)


# How else the parts of an address can be written, so that the system still takes them for it.
SPELLINGS: dict[str, Callable[[int, bytes], str]] = {
    "decimal": lambda number, _: str(number),
    "hexadecimal": lambda number, _: hex(number),
    "octal": lambda number, _: f"0{number:o}",
    "octal bytes": lambda _, four: ".".join(f"0{one:o}" for one in four),
    "hexadecimal bytes": lambda _, four: ".".join(map(hex, four)),
    "two parts": lambda number, four: f"{four[0]}.{number & 0xFFFFFF}",
    "three parts": lambda number, four: f"{four[0]}.{four[1]}.{number & 0xFFFF}",
}


def _is_refused(address: str) -> bool:
    try:
        judge_address(address, ())
    except ForbiddenAddressError:
        return True
    return False


class TestEveryAddress:
    """What no list of examples can cover."""

    @QUICK
    @given(strategies.ip_addresses(v=4), strategies.sampled_from(sorted(SPELLINGS)))
    def test_no_address_is_taken_in_a_spelling_of_its_own(self, address: IPv4Address, how: str) -> None:
        """What the system would read as an address is refused, or is written as people write it."""
        spelled = SPELLINGS[how](int(address), address.packed)
        assert IPv4Address(socket.inet_aton(spelled)) == address

        with pytest.raises(BadWebhookUrlError):
            read_target(f"https://{spelled}/")

    @QUICK
    @given(strategies.ip_addresses(v=4))
    def test_an_address_inside_of_another_is_judged_like_itself(self, address: IPv4Address) -> None:
        """Whatever IPv6 carries it: nothing is reached that way which is not reached without."""
        number = int(address)
        carriers = (
            IPv6Address(0xFFFF << 32 | number),
            IPv6Address(0x0064FF9B << 96 | number),
            IPv6Address(0x2002 << 112 | number << 80 | 1),
        )

        verdicts = {_is_refused(str(one)) for one in (address, *carriers)}

        assert len(verdicts) == 1
        assert verdicts == {True} or address.is_global
