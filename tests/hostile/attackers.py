"""Chains of an attacker's own, and the publisher's certificates where they do not belong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from feedsrv.trust.profile import EKU
from tests.hostile.chains import (
    self_signed,
)
from tests.hostile.flaws import BOTH, Flaw
from tests.hostile.genuine import Genuine, stranger
from tests.pki import ORGANISATION, key

_Changes = Mapping[str, Mapping[str, Any]]


def _attackers(one: Genuine, organisation: str, **root: Any) -> bytes:  # noqa: ANN401 - fields of a recipe
    """A whole chain of an attacker's own, root included, as right as the publisher's."""
    changes: _Changes = {
        "root": {"key_name": "attacker-root", "organisation": organisation, **root},
        "ca": {"key_name": "attacker-ca", "organisation": organisation},
        "leaf": {"key_name": "attacker-leaf", "organisation": organisation},
    }
    chain = one.pki.certificates(one.kind, None, **changes)
    return one.resigned(
        one.evil, private_key=key("attacker-leaf"), certificates=(chain["leaf"], chain["ca"], chain["root"])
    )


def _sibling(one: Genuine, **ca: Any) -> bytes:  # noqa: ANN401 - fields of a recipe
    """Signed under another CA of the same root."""
    return one.under(ca={"common_name": "sibling CA", "key_name": "sibling-ca", **ca})


def _by_ca(one: Genuine, name: str, key_name: str) -> bytes:
    chain = one.pki.certificates(one.kind)
    return one.resigned(private_key=key(key_name), certificates=(chain[name],))


def _under_a_signer(one: Genuine) -> bytes:
    # The "CA" of this chain is the genuine signer: its name and its key.
    as_ca = {"common_name": f"{one.kind} signer", "key_name": f"{one.kind}-leaf"}
    leaf = one.certificate("leaf", ca=as_ca, leaf={"common_name": "lower", "key_name": "stranger"})
    return one.resigned(private_key=stranger(), certificates=(leaf, *one.signer.chain))


def _below_the_issuing_ca(one: Genuine) -> bytes:
    as_root = {"common_name": f"{one.kind} CA", "key_name": f"{one.kind}-ca"}
    lower = {"common_name": "lower CA", "key_name": "sibling-ca"}
    chain = one.pki.certificates(one.kind, None, root=as_root, ca=lower)
    return one.resigned(certificates=(chain["leaf"], chain["ca"], one.signer.chain[1]))


ATTACKERS: Final = (
    Flaw(
        "self-signed-signer",
        "the signer's certificate is self-signed",
        "trust.anchor_unknown",
        lambda g: g.resigned(g.evil, private_key=stranger(), certificates=(self_signed(g),)),
    ),
    Flaw(
        "own-chain",
        "an attacker's own chain, under its own names",
        "trust.anchor_unknown",
        lambda g: _attackers(g, "Somebody Else"),
    ),
    Flaw(
        "own-chain-under-our-names",
        "an attacker's own chain, under the publisher's very names",
        "trust.chain_signature",
        lambda g: _attackers(g, ORGANISATION),
    ),
    Flaw(
        "own-chain-under-our-names-without-root",
        "an attacker's issuing CA and signer under the publisher's very names",
        "trust.chain_signature",
        lambda g: g.resigned(
            g.evil,
            private_key=key("attacker-leaf"),
            certificates=[
                g.certificate(
                    name,
                    root={"key_name": "attacker-root"},
                    ca={"key_name": "attacker-ca"},
                    leaf={"key_name": "attacker-leaf"},
                )
                for name in ("leaf", "ca")
            ],
        ),
    ),
    Flaw(
        "signer-by-another-key",
        "the signer's certificate names the issuing CA, whose key did not sign it",
        "trust.chain_signature",
        lambda g: g.under("leaf-by-another-key"),
    ),
    Flaw(
        "ca-by-another-key",
        "the issuing CA's certificate names the root, whose key did not sign it",
        "trust.chain_signature",
        lambda g: g.under(ca={"signed_by": ("stranger", "rsa2048")}),
    ),
    Flaw(
        "ca-with-another-key",
        "a CA of the right name under the right root, with a key that did not sign the signer's certificate",
        "trust.chain_signature",
        lambda g: g.resigned(
            certificates=(g.signer.chain[0], g.certificate("ca", ca={"key_name": "sibling-ca"}))
        ),
    ),
    Flaw(
        "signed-by-the-issuing-ca",
        "the issuing CA itself signed the document",
        "trust.signer_is_ca",
        lambda g: _by_ca(g, "ca", f"{g.kind}-ca"),
    ),
    Flaw(
        "signed-by-the-root",
        "the root itself signed the document",
        "trust.signer_is_ca",
        lambda g: _by_ca(g, "root", "root"),
    ),
    Flaw(
        "signer-is-a-ca",
        "the signer's certificate is a CA's",
        "trust.signer_is_ca",
        lambda g: g.under("leaf-is-ca"),
    ),
    Flaw(
        "signed-under-a-signer",
        "a signer issued the signer's certificate",
        "trust.issuer_not_ca",
        _under_a_signer,
    ),
    Flaw(
        "sibling-ca-without-usage",
        "another CA under the same root, without our extended key usage, issued the signer's certificate",
        "trust.issuer_eku_missing",
        lambda g: _sibling(g, extended=None),
    ),
    Flaw(
        "sibling-ca-of-the-other-kind",
        "the publisher's CA for the other kind of document issued the signer's certificate",
        "trust.issuer_eku_missing",
        lambda g: _sibling(g, extended=tuple(EKU[kind] for kind in BOTH if kind is not g.kind)),
    ),
    Flaw(
        "sibling-ca-of-somebody-else",
        "another organisation's CA under the same root issued the signer's certificate",
        "trust.issuer_organisation",
        lambda g: _sibling(g, organisation="Somebody Else"),
    ),
    Flaw(
        "sub-ca-of-the-issuing-ca",
        "the issuing CA, which may not, issued another CA",
        "trust.path_length",
        _below_the_issuing_ca,
    ),
)
