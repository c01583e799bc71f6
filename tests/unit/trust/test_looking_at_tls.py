"""What is said of TLS certificates, held against real handshakes of OpenSSL at both ends."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509

from feedsrv.trust.looking import lint_certificate
from feedsrv.trust.profile import ANY_USAGE, CLIENT_AUTH, CODE_SIGNING, SERVER_AUTH, Kind, Role
from tests.pki import Pki, chain_pem, key, pem_of
from tests.unit.trust.cases import Bench

_NAME: Final = "feeds.example"
_BOTH: Final = (SERVER_AUTH, CLIENT_AUTH)
_NOBODY_KNOWS: Final = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("1.2.840.113556.1.8000.2554.9.8"), b"\x05\x00"
)
_GOOD: Final[Mapping[str, Any]] = {"extended": _BOTH, "names": (_NAME,)}
_AGENT_END: Final = "the agent end of mutual TLS"
_SERVER_END: Final = "the server end of mutual TLS"


@dataclass(frozen=True)
class _End:
    """A certificate with its key in files, as OpenSSL wants them."""

    chain: Path
    private_key: Path
    anchors: Path


def _end(folder: Path, pki: Pki, recipe: Mapping[str, Any]) -> _End:
    changes = {"leaf": recipe, "ca": {"extended": None}}
    found = pki.certificates(Kind.FEED, None, **changes)
    leaf = pki.recipes(Kind.FEED, None, **changes)["leaf"]
    folder.mkdir()
    end = _End(folder / "chain.pem", folder / "key.pem", folder / "anchors.pem")
    end.chain.write_bytes(chain_pem([found["leaf"], found["ca"]]))
    end.private_key.write_bytes(pem_of(key(leaf.key_name, leaf.key_kind)))
    end.anchors.write_bytes(chain_pem([found["root"]]))
    return end


def _context(protocol: int, end: _End, *, judges: bool) -> ssl.SSLContext:
    """Of the end that judges the other's certificate as strictly as it does by default, or of that other."""
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"DEFAULT:@SECLEVEL={2 if judges else 0}")
    context.load_cert_chain(end.chain, end.private_key)
    context.load_verify_locations(end.anchors)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _is_refused(server: _End, agent: _End, by: str) -> bool:
    """True where that end refuses the other's certificate in a real handshake."""
    contexts = [
        _context(ssl.PROTOCOL_TLS_SERVER, server, judges=by == _SERVER_END),
        _context(ssl.PROTOCOL_TLS_CLIENT, agent, judges=by == _AGENT_END),
    ]
    to_server, to_agent = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = {
        _SERVER_END: contexts[0].wrap_bio(to_server, to_agent, server_side=True),
        _AGENT_END: contexts[1].wrap_bio(to_agent, to_server, server_hostname=_NAME),
    }
    for _ in range(10):
        for name, one in ends.items():
            try:
                one.do_handshake()
                one.read()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                assert name == by
                return True
    assert all(one.version() for one in ends.values())
    return False


def _said(bench: Bench, recipe: Mapping[str, Any]) -> set[str]:
    """Which ends lint says would refuse that certificate, used at both."""
    found = bench.pki.certificates(Kind.FEED, None, leaf=recipe, ca={"extended": None})
    roles = [Role.TLS_SERVER, Role.TLS_AGENT]
    looked = lint_certificate(found["leaf"], roles, at=bench.at, issuers=(found["ca"], found["root"]))
    return {one.refused_by for one in looked if one.refused}


def _really(bench: Bench, folder: Path, recipe: Mapping[str, Any]) -> set[str]:
    """Which ends refuse it in real handshakes with a good peer."""
    good, other = _end(folder / "good", bench.pki, _GOOD), _end(folder / "other", bench.pki, recipe)
    tried = {
        _AGENT_END: _is_refused(other, good, _AGENT_END),
        _SERVER_END: _is_refused(good, other, _SERVER_END),
    }
    return {end for end, is_refused in tried.items() if is_refused}


def _name(change: Mapping[str, object]) -> str:
    """A name that is the same in every process: the words of a set have no order."""
    return ",".join(
        f"{key}={'+'.join(sorted(value)) if isinstance(value, frozenset) else value}"
        for key, value in change.items()
    )


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"extended": (SERVER_AUTH,)},
        {"extended": (CLIENT_AUTH,)},
        {"extended": (CODE_SIGNING,)},
        {"extended": (*_BOTH, CODE_SIGNING)},
        {"extended": (ANY_USAGE,)},
        {"names": ()},
        {"begins": timedelta(days=-9), "ends": timedelta(days=-1)},
        {"begins": timedelta(days=1)},
        {"key_kind": "rsa1024"},
        {"key_kind": "p256"},
        {"key_kind": "p521"},
        {"digest": "sha1"},
        {"digest": "sha224"},
        {"signed_by": ("stranger", "rsa2048")},
        {"usage": frozenset({"digital_signature", "key_encipherment"})},
        {"usage": frozenset({"digital_signature", "key_cert_sign"})},
        {"usage": frozenset({"content_commitment"})},
        {"usage": None},
        {"common_name": ""},
        {"extra": ((_NOBODY_KNOWS, True),)},
    ],
    ids=_name,
)
def test_openssl_refuses_at_the_end_that_lint_names(
    bench: Bench, tmp_path: Path, change: Mapping[str, Any]
) -> None:
    """A certificate at both ends of mutual TLS: both are asked, in real handshakes."""
    recipe = {**_GOOD, **change}

    assert _said(bench, recipe) == _really(bench, tmp_path, recipe)


def test_an_absent_usage_passes_openssl_and_not_the_profile(bench: Bench, tmp_path: Path) -> None:
    """To some stacks it means "anything", to others nothing: the one difference, and it is meant."""
    recipe = {**_GOOD, "extended": None}

    assert _really(bench, tmp_path, recipe) == set()
    assert _said(bench, recipe) == {_AGENT_END, _SERVER_END}
