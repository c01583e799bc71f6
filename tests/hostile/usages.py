"""Extended key usages that are absent, too wide, another's, or merely like ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import ANY_USAGE, CODE_SIGNING, EKU, SERVER_AUTH, Kind
from tests.hostile.chains import (
    between,
)
from tests.hostile.flaws import Context, Flaw
from tests.hostile.genuine import Genuine
from tests.pki import ORGANISATION, POLICY_OID

_TIME_STAMPING: Final = ExtendedKeyUsageOID.TIME_STAMPING


def _extended(*usages: x509.ObjectIdentifier | Kind | None) -> Callable[[Genuine], bytes]:
    """The signer's certificate with these usages; a kind stands for its own, and None for the document's."""

    def make(one: Genuine) -> bytes:
        extended = tuple(EKU[use or one.kind] if isinstance(use, Kind | None) else use for use in usages)
        return one.under(leaf={"extended": extended})

    return make


def _longer(one: Genuine) -> bytes:
    longer = x509.ObjectIdentifier(EKU[one.kind].dotted_string + ".1")
    return one.under(leaf={"extended": (longer,)})


def _shorter(one: Genuine) -> bytes:
    shorter = x509.ObjectIdentifier(EKU[one.kind].dotted_string.rpartition(".")[0])
    return one.under(leaf={"extended": (shorter,)})


def _ca_extended(*usages: x509.ObjectIdentifier) -> Callable[[Genuine], bytes]:
    return lambda one: one.under(ca={"extended": usages})


def _ca_longer(one: Genuine) -> bytes:
    longer = x509.ObjectIdentifier(EKU[one.kind].dotted_string + ".1")
    return one.under(ca={"extended": (longer,)})


_EXCESS: Final = "trust.eku_excess"
_MISSING: Final = "trust.eku_missing"
_CA_MISSING: Final = "trust.issuer_eku_missing"


def _long_policy(one: Genuine) -> TrustPolicy:
    """Pins the root in a certificate that allows one CA more between; the chain of two is under it, too."""
    root = one.certificate("root", root={"path_length": 2})
    return TrustPolicy((root,), organisation=ORGANISATION, policy_oid=POLICY_OID)


USAGES: Final = (
    Flaw(
        "absent", "the signer has no extended key usage", "trust.eku_absent", lambda g: g.under("eku-absent")
    ),
    Flaw("any", "the signer's extended key usage is any", _MISSING, _extended(ANY_USAGE)),
    Flaw("server-auth", "the signer is a TLS server", _MISSING, _extended(SERVER_AUTH)),
    Flaw("code-signing", "the signer signs code", _MISSING, _extended(CODE_SIGNING)),
    Flaw("time-stamping", "the signer stamps times", _MISSING, _extended(_TIME_STAMPING)),
    Flaw("longer", "the signer's usage begins with ours and goes on", _MISSING, _longer),
    Flaw("shorter", "the signer's usage is the arc above ours", _MISSING, _shorter),
    Flaw(
        "any-and-code-signing",
        "the signer has any and code signing",
        _MISSING,
        _extended(ANY_USAGE, CODE_SIGNING),
    ),
    Flaw("ours-and-any", "the signer has ours and any", _EXCESS, _extended(None, ANY_USAGE)),
    Flaw(
        "ours-and-server-auth",
        "the signer has ours and is a TLS server",
        _EXCESS,
        _extended(None, SERVER_AUTH),
    ),
    Flaw(
        "both-kinds",
        "the signer may sign both kinds of document",
        _EXCESS,
        _extended(Kind.FEED, Kind.MITIGATION),
    ),
    Flaw(
        "ca-absent",
        "the issuing CA has no extended key usage",
        _CA_MISSING,
        lambda g: g.under("ca-eku-absent"),
    ),
    Flaw("ca-any", "the issuing CA's extended key usage is any", _CA_MISSING, _ca_extended(ANY_USAGE)),
    Flaw("ca-server-auth", "the issuing CA is for TLS servers", _CA_MISSING, _ca_extended(SERVER_AUTH)),
    Flaw("ca-code-signing", "the issuing CA is for code", _CA_MISSING, _ca_extended(CODE_SIGNING)),
    Flaw("ca-longer", "the issuing CA's usage begins with ours and goes on", _CA_MISSING, _ca_longer),
    Flaw(
        "upper-ca-excludes",
        "a CA above the issuing CA is limited to TLS servers",
        "trust.eku_excluded",
        lambda g: between(g, extended=(SERVER_AUTH,)),
        context=Context(policy=_long_policy),
    ),
    Flaw(
        "root-excludes",
        "the root is limited to TLS servers",
        "trust.eku_excluded",
        context=Context(policy=lambda g: g.policy("root-eku-excludes")),
    ),
)
