"""Exceptions: one check, one issuing CA, one kind, until a date; and nothing passes beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedsrv.errors import OperatorError
from feedsrv.trust.believing import check_signer
from feedsrv.trust.looking import lint_chain
from feedsrv.trust.opening import open_feed
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import CODE_SIGNING, EKU, SERVER_AUTH, Kind, fingerprint
from feedsrv.trust.refusals import REFUSALS, UntrustedError
from feedsrv.trust.waivers import NEVER_WAIVED, WAIVABLE, Waiver, WaiverError
from tests.pki import ORGANISATION, POLICY_OID
from tests.unchecked import sign_unchecked
from tests.unit.trust.cases import Bench
from tests.unit.trust.test_looking import Changes, changed_chains, refused_codes

_REASON: Final = "agreed with the publisher, ticket 4711"

# For each check that can be waived, one chain or policy that is wrong in just that.
_WRONG: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "trust.eku_absent": ({"leaf": {"extended": None}}, {}),
    "trust.eku_missing": ({"leaf": {"extended": (CODE_SIGNING,)}}, {}),
    "trust.eku_excess": ({"leaf": {"extended": (EKU[Kind.FEED], SERVER_AUTH)}}, {}),
    "trust.key_usage": ({"leaf": {"usage": None}}, {}),
    "trust.issuer_eku_missing": ({"ca": {"extended": (SERVER_AUTH,)}}, {}),
    "trust.issuer_organisation": ({}, {"organisation": "Somebody Else"}),
    "trust.issuer_policy": ({"ca": {"policies": ()}}, {"policy_oid": POLICY_OID}),
    "trust.crl_stale": ({}, {"stale": True}),
}


def _document(bench: Bench, changes: dict[str, Any], settings_: dict[str, Any]) -> tuple[bytes, TrustPolicy]:
    """A feed signed under that chain, and the policy of its receiver."""
    signer = bench.pki.signer(Kind.FEED, None, **changes)
    given_ = dict(settings_)
    if given_.pop("stale", False):
        given_["crls"] = (bench.pki.crl(begins=timedelta(days=-9), ends=timedelta(days=-1)),)
    root = bench.pki.certificates(Kind.FEED, None, **changes)["root"]
    data = sign_unchecked(bench.unsigned, signer.private_key, signer.chain)
    return data, TrustPolicy((root,), **given_)


def _waiver(bench: Bench, check: str, changes: dict[str, Any], **other: Any) -> Waiver:  # noqa: ANN401 - passed on to Waiver
    issuer = fingerprint(bench.pki.certificates(Kind.FEED, None, **changes)["ca"])
    return replace(Waiver(check, issuer, Kind.FEED, bench.at + timedelta(days=1), _REASON), **other)


def test_every_refusal_can_be_waived_or_never_and_not_both() -> None:
    """A new refusal is put into one of the two tables, with a reason."""
    assert set(WAIVABLE) | set(NEVER_WAIVED) == set(REFUSALS)
    assert not set(WAIVABLE) & set(NEVER_WAIVED)
    assert all([*WAIVABLE.values(), *NEVER_WAIVED.values()])


def test_every_check_that_can_be_waived_is_tried_here() -> None:
    """By one wrong of its own."""
    assert set(_WRONG) == set(WAIVABLE)


@pytest.mark.parametrize(
    "changes",
    [
        {"leaf": {"extended": (EKU[Kind.MITIGATION],)}},
        {"leaf": {"extended": (EKU[Kind.MITIGATION],)}, "ca": {"extended": (EKU[Kind.MITIGATION],)}},
        {"ca": {"extended": (EKU[Kind.MITIGATION], SERVER_AUTH)}},
    ],
    ids=["signer", "both", "issuing CA"],
)
def test_no_exception_lets_the_key_of_one_kind_sign_the_other(bench: Bench, changes: dict[str, Any]) -> None:
    """Nor is one offered: whoever stole the feed key would have the command for it printed everywhere."""
    data, policy = _document(bench, changes, {})
    waivers = tuple(_waiver(bench, check, changes) for check in WAIVABLE)

    with pytest.raises(UntrustedError) as refused:
        open_feed(data, replace(policy, waivers=waivers), at=bench.at)

    assert refused.value.code in {"trust.eku_missing", "trust.issuer_eku_missing"}
    assert refused.value.issuer is None


@pytest.mark.parametrize("check", WAIVABLE)
class TestEachExceptionLetsPass:
    """Only what it names, only of the CA it names, only for its kind, only until its date."""

    def test_what_it_names_and_the_proof_says_so(self, bench: Bench, check: str) -> None:
        """Without it the document is refused by that very code."""
        data, policy = _document(bench, *_WRONG[check])
        waiver = _waiver(bench, check, _WRONG[check][0])

        with pytest.raises(UntrustedError) as refused:
            open_feed(data, policy, at=bench.at)
        opened = open_feed(data, replace(policy, waivers=(waiver,)), at=bench.at)

        assert refused.value.code == check
        assert refused.value.issuer is not None
        assert fingerprint(refused.value.issuer) == waiver.issuer
        assert opened.proof.waived == (waiver,)

    @pytest.mark.parametrize(
        "change",
        [
            lambda _, waiver: replace(waiver, issuer="0" * 64),
            lambda _, waiver: replace(waiver, kind=Kind.MITIGATION),
            lambda bench, waiver: replace(waiver, until=bench.at),
            lambda _, waiver: replace(waiver, check=next(one for one in WAIVABLE if one != waiver.check)),
        ],
        ids=["another issuer", "another kind", "at its end", "another check"],
    )
    def test_nothing_where_it_names_something_else(
        self, bench: Bench, check: str, change: Callable[[Bench, Waiver], Waiver]
    ) -> None:
        """The refusal is the same as without it."""
        data, policy = _document(bench, *_WRONG[check])
        waiver = change(bench, _waiver(bench, check, _WRONG[check][0]))

        with pytest.raises(UntrustedError) as refused:
            open_feed(data, replace(policy, waivers=(waiver,)), at=bench.at)

        assert refused.value.code == check

    def test_it_is_not_noted_where_it_was_not_needed(self, bench: Bench, check: str) -> None:
        """A good document is accepted without exception, also while one is in force."""
        waiver = _waiver(bench, check, {})

        opened = bench.open(bench.signed, waivers=(waiver,), organisation=ORGANISATION, policy_oid=POLICY_OID)

        assert opened.proof.waived == ()

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(changes=changed_chains(), also=st.booleans())
    def test_nothing_else_over_any_chain(
        self, bench: Bench, check: str, changes: Changes, also: bool
    ) -> None:
        """What is accepted under an exception has nothing wrong with it but that."""
        wrong = _WRONG[check][0] if also else {}
        both = {name: {**wrong.get(name, {}), **changes.get(name, {})} for name in {*changes, *wrong}}
        try:
            found = bench.pki.certificates(Kind.FEED, None, **both)
        except ValueError:
            return  # not even our library writes such a certificate
        chain = (found["leaf"], found["ca"], found["root"])
        policy = TrustPolicy((found["root"],), waivers=(_waiver(bench, check, both),))
        codes = refused_codes(lint_chain(chain, Kind.FEED, at=bench.at), Kind.FEED)

        try:
            check_signer(chain[:2], policy, Kind.FEED, at=bench.at)
        except UntrustedError:
            assert codes
        else:
            assert codes <= {check}


class TestExceptionsTogether:
    """Each counts for itself."""

    def test_two_wrongs_need_two_exceptions(self, bench: Bench) -> None:
        """A TLS server's certificate lacks our usage, and has another: one exception is not enough."""
        changes = {"leaf": {"extended": (SERVER_AUTH,)}}
        data, policy = _document(bench, changes, {})
        both = tuple(_waiver(bench, one, changes) for one in ("trust.eku_missing", "trust.eku_excess"))

        opened = open_feed(data, replace(policy, waivers=both), at=bench.at)

        assert opened.proof.waived == both
        for one, other in zip(both, reversed(both), strict=True):
            with pytest.raises(UntrustedError) as refused:
                open_feed(data, replace(policy, waivers=(one,)), at=bench.at)
            assert refused.value.code == other.check

    @pytest.mark.parametrize("usage", ["key_cert_sign", "crl_sign"])
    def test_a_key_that_may_sign_certificates_never_passes(self, bench: Bench, usage: str) -> None:
        """An exception for key usage is for a signer that says too little, not for one that may too much."""
        changes = {"leaf": {"usage": frozenset({"digital_signature", usage})}}
        data, policy = _document(bench, changes, {})

        with pytest.raises(UntrustedError) as refused:
            open_feed(
                data, replace(policy, waivers=(_waiver(bench, "trust.key_usage", changes),)), at=bench.at
            )

        assert refused.value.code == "trust.key_usage"

    def test_the_key_usage_of_a_ca_is_never_waived(self, bench: Bench) -> None:
        """That exception is for signers."""
        changes = {"ca": {"usage": frozenset({"crl_sign"})}}
        data, policy = _document(bench, changes, {})

        with pytest.raises(UntrustedError) as refused:
            open_feed(
                data, replace(policy, waivers=(_waiver(bench, "trust.key_usage", changes),)), at=bench.at
            )

        assert refused.value.code == "trust.key_usage"

    def test_what_a_stale_crl_revokes_stays_revoked(self, bench: Bench) -> None:
        """The exception bears its age, not the thief."""
        crl = bench.pki.crl(
            begins=timedelta(days=-9), ends=timedelta(days=-1), revoked=[bench.chain()[0].serial_number]
        )

        with pytest.raises(UntrustedError) as refused:
            bench.open(bench.signed, crls=(crl,), waivers=(_waiver(bench, "trust.crl_stale", {}),))

        assert refused.value.code == "trust.signer_revoked"

    def test_the_crl_of_the_root_needs_an_exception_of_its_own(self, bench: Bench) -> None:
        """It is named by the CA whose CRL is stale."""
        crl = bench.pki.crl(of="root", begins=timedelta(days=-9), ends=timedelta(days=-1))
        root = fingerprint(bench.chain()[2])
        for_ca = _waiver(bench, "trust.crl_stale", {})

        with pytest.raises(UntrustedError) as refused:
            bench.open(bench.signed, crls=(crl,), waivers=(for_ca,))
        opened = bench.open(bench.signed, crls=(crl,), waivers=(replace(for_ca, issuer=root),))

        assert refused.value.code == "trust.crl_stale"
        assert [one.issuer for one in opened.proof.waived] == [root]

    def test_a_path_that_needs_no_exception_goes_first(self, bench: Bench) -> None:
        """Whatever the order of the certificates in the document."""
        leaf, ca, _ = bench.chain()
        changes = {"ca": {"extended": None}}
        without = bench.pki.certificates(Kind.FEED, None, **changes)["ca"]
        waiver = _waiver(bench, "trust.issuer_eku_missing", changes)

        for cas in ((ca, without), (without, ca)):
            opened = bench.open(bench.with_certificates(leaf, *cas), waivers=(waiver,))
            assert (opened.proof.waived, opened.proof.issuer) == ((), ca)


class TestWritingAnException:
    """It names what it is for, or it is none; the message says what to write instead."""

    @pytest.mark.parametrize("check", NEVER_WAIVED)
    def test_some_checks_can_never_be_waived(self, bench: Bench, check: str) -> None:
        """And it is said why."""
        with pytest.raises(WaiverError) as refused:
            Waiver(check, "0" * 64, Kind.FEED, bench.at, _REASON)

        assert NEVER_WAIVED[check] in str(refused.value)
        assert isinstance(refused.value, OperatorError)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"check": "trust"}, "no check; what can be waived is trust.eku_absent"),
            ({"issuer": "AB:CD"}, "64 hexadecimal digits"),
            ({"issuer": "A" * 64}, "64 hexadecimal digits"),
            ({"reason": " "}, "gives no reason"),
        ],
    )
    def test_one_that_says_nothing_usable_is_refused(
        self, bench: Bench, change: dict[str, Any], words: str
    ) -> None:
        """There is no exception for all checks, for all issuers, or without a reason."""
        with pytest.raises(WaiverError, match=words):
            replace(_waiver(bench, "trust.eku_missing", {}), **change)

    def test_its_end_has_a_time_zone(self, bench: Bench) -> None:
        """It is not taken for UTC in silence."""
        with pytest.raises(WaiverError, match="time zone"):
            _waiver(bench, "trust.eku_missing", {}, until=bench.at.replace(tzinfo=None))
