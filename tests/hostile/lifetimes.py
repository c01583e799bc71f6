"""Certificates and revocation lists of another time, or that say what must not be passed over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509

from feedsrv.trust.policy import TrustPolicy
from tests.hostile.chains import (
    UNKNOWN_EXTENSION,
    broken,
    policy_with_root,
)
from tests.hostile.flaws import Context, Flaw
from tests.hostile.genuine import AT, Genuine

_PAST: Final = {"begins": timedelta(days=-90), "ends": timedelta(seconds=-1)}
_FUTURE: Final = {"begins": timedelta(seconds=1)}
_EXPIRED: Final = "trust.certificate_expired"
_EARLY: Final = "trust.certificate_not_yet_valid"
_SECOND: Final = timedelta(seconds=1)


def _clock(year: int) -> timedelta:
    return datetime(year, 1, 1, tzinfo=UTC) - AT


VALIDITY: Final = (
    broken("signer-expired", "the signer's certificate ended a second ago", _EXPIRED, leaf=_PAST),
    broken("ca-expired", "the issuing CA's certificate ended a second ago", _EXPIRED, ca=_PAST),
    Flaw(
        "root-expired",
        "the root ended a second ago",
        _EXPIRED,
        context=Context(policy=lambda g: policy_with_root(g, **_PAST)),
    ),
    broken("signer-not-yet-valid", "the signer's certificate begins in a second", _EARLY, leaf=_FUTURE),
    broken("ca-not-yet-valid", "the issuing CA's certificate begins in a second", _EARLY, ca=_FUTURE),
    Flaw(
        "root-not-yet-valid",
        "the root begins in a second",
        _EARLY,
        context=Context(policy=lambda g: policy_with_root(g, **_FUTURE)),
    ),
    Flaw(
        "after-the-signer",
        "it is one second after the end of the signer's certificate",
        _EXPIRED,
        context=Context(after=timedelta(days=365) + _SECOND),
    ),
    Flaw(
        "before-the-signer",
        "it is one second before the begin of every certificate",
        _EARLY,
        context=Context(after=-timedelta(days=30) - _SECOND),
    ),
    Flaw("clock-of-1970", "the receiver's clock says 1970", _EARLY, context=Context(after=_clock(1970))),
    Flaw("clock-of-1601", "the receiver's clock says 1601", _EARLY, context=Context(after=_clock(1601))),
    Flaw("clock-of-2038", "the receiver's clock says 2038", _EXPIRED, context=Context(after=_clock(2038))),
    Flaw("clock-of-9999", "the receiver's clock says 9999", _EXPIRED, context=Context(after=_clock(9999))),
)


def _crl(**crl: Any) -> Context:  # noqa: ANN401 - passed on to Pki.crl
    return Context(policy=lambda one: one.policy(crls=(one.pki.crl(one.kind, **crl),)))


def _revoking(*names: str, **crl: Any) -> Context:  # noqa: ANN401 - passed on to Pki.crl
    def policy(one: Genuine) -> TrustPolicy:
        serials = [one.certificate(name).serial_number for name in names]
        return one.policy(crls=(one.pki.crl(one.kind, revoked=serials, **crl),))

    return Context(policy=policy)


def _two_lists(one: Genuine) -> TrustPolicy:
    """Of one second; the first clears the signer, the second revokes it."""
    serial = one.signer.chain[0].serial_number
    return one.policy(crls=(one.pki.crl(one.kind), one.pki.crl(one.kind, revoked=[serial])))


_FORGED: Final = "trust.crl_forged"
_LIST_FORM: Final = "trust.crl_form"

REVOCATION: Final = (
    Flaw("signer-revoked", "the signer is revoked", "trust.signer_revoked", context=_revoking("leaf")),
    Flaw(
        "signer-revoked-among-thousands",
        "the signer is revoked, as are ten thousand others",
        "trust.signer_revoked",
        context=Context(
            policy=lambda g: g.policy(
                crls=(g.pki.crl(g.kind, revoked=[*range(1, 10_001), g.signer.chain[0].serial_number]),)
            )
        ),
    ),
    Flaw(
        "ca-revoked", "the issuing CA is revoked", "trust.issuer_revoked", context=_revoking("ca", of="root")
    ),
    Flaw(
        "one-list-clears-and-one-revokes",
        "of two lists of one second, one revokes the signer",
        "trust.signer_revoked",
        context=Context(policy=_two_lists),
    ),
    Flaw(
        "list-stale",
        "the list ended a second ago",
        "trust.crl_stale",
        context=_crl(begins=timedelta(days=-9), ends=-_SECOND),
    ),
    Flaw(
        "list-of-the-root-stale",
        "the root's list ended a second ago",
        "trust.crl_stale",
        context=_crl(of="root", begins=timedelta(days=-9), ends=-_SECOND),
    ),
    Flaw(
        "list-of-tomorrow",
        "the list begins in a second",
        "trust.crl_not_yet_valid",
        context=_crl(begins=_SECOND),
    ),
    Flaw(
        "list-forged", "a stranger signed the list", _FORGED, context=_crl(signed_by=("stranger", "rsa2048"))
    ),
    Flaw(
        "list-of-the-root-forged",
        "a stranger signed the root's list",
        _FORGED,
        context=_crl(of="root", signed_by=("stranger", "rsa2048")),
    ),
    Flaw(
        "list-by-the-signer",
        "the signer itself signed the list of its CA",
        _FORGED,
        context=Context(
            policy=lambda g: g.policy(crls=(g.pki.crl(g.kind, signed_by=(f"{g.kind}-leaf", "rsa2048")),))
        ),
    ),
    Flaw(
        "list-by-a-ca-that-may-not",
        "the issuing CA may not sign lists, and did",
        _FORGED,
        lambda g: g.under(ca={"usage": frozenset({"key_cert_sign"})}),
        context=_crl(),
    ),
    Flaw(
        "list-is-a-delta",
        "the list says only what has changed",
        _LIST_FORM,
        context=_crl(extra=[(x509.DeltaCRLIndicator(1), True)]),
    ),
    Flaw(
        "list-is-a-delta-without-stress",
        "the list says only what has changed, in an extension that is not critical",
        _LIST_FORM,
        context=_crl(extra=[(x509.DeltaCRLIndicator(1), False)]),
    ),
    Flaw(
        "list-of-a-part",
        "the list is for CAs only",
        _LIST_FORM,
        context=_crl(
            extra=[
                (
                    x509.IssuingDistributionPoint(
                        full_name=None,
                        relative_name=None,
                        only_contains_user_certs=False,
                        only_contains_ca_certs=True,
                        only_some_reasons=None,
                        indirect_crl=False,
                        only_contains_attribute_certs=False,
                    ),
                    True,
                )
            ]
        ),
    ),
    Flaw(
        "list-unknown-critical",
        "the list has a critical extension that nobody knows",
        _LIST_FORM,
        context=_crl(extra=[(UNKNOWN_EXTENSION, True)]),
    ),
)
