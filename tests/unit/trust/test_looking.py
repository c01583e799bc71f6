"""Looking at certificates: every deviation in a sentence; "refused" is what receivers refuse."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedsrv.trust.believing import check_signer
from feedsrv.trust.looking import Deviation, lint_certificate, lint_chain
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import (
    ANY_USAGE,
    CLIENT_AUTH,
    CODE_SIGNING,
    EKU,
    PROFILES,
    SERVER_AUTH,
    TIME_STAMPING,
    Kind,
    Role,
)
from feedsrv.trust.refusals import UntrustedError
from tests.pki import POLICY_OID
from tests.recipes import BAD, CA_USAGE
from tests.unit.trust.cases import Bench

Changes = Mapping[str, Mapping[str, Any]]
_OTHER_KIND: Final = {Kind.FEED: "receivers of mitigations", Kind.MITIGATION: "receivers of feeds"}

_ONLY_DNS: Final = x509.NameConstraints(
    permitted_subtrees=[x509.DNSName("example.org")], excluded_subtrees=None
)
_BY_SERIAL: Final = x509.AuthorityKeyIdentifier(
    b"a key", [x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")]))], 1
)
_NOBODY_KNOWS: Final = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("1.2.840.113556.1.8000.2554.9.8"), b"\x05\x00"
)

# What a recipe may say for each of its fields: the usual first, and so most often.
_DAYS: Final = (-40, -30, -1, 0, 1, 365, 4000)
_FIELDS: Final[dict[str, st.SearchStrategy[Any]]] = {
    "key_kind": st.sampled_from(["rsa2048", "p256", "p384", "p521", "rsa1024"]),
    "ca": st.sampled_from([True, False, None]),
    "path_length": st.sampled_from([None, 0, 1, 2]),
    "usage": st.none()
    | st.frozensets(
        st.sampled_from(["digital_signature", "key_cert_sign", "crl_sign", "content_commitment"]), min_size=1
    ),
    "extended": st.none()
    | st.lists(
        st.sampled_from([*EKU.values(), CODE_SIGNING, SERVER_AUTH, ANY_USAGE]),
        min_size=1,
        max_size=3,
        unique=True,
    ).map(tuple),
    "policies": st.sampled_from([(), (POLICY_OID,)]),
    "begins": st.sampled_from(_DAYS[:5]).map(lambda days: timedelta(days=days)),
    "ends": st.sampled_from(_DAYS[2:]).map(lambda days: timedelta(days=days, seconds=1)),
    "digest": st.sampled_from(["sha256", "sha224"]),
    "organisation": st.sampled_from(["Example Software", None]),
    "subject_key": st.booleans(),
    "authority_key": st.booleans(),
    "names": st.sampled_from([(), ("example.com",)]),
    "turned": st.frozensets(
        st.sampled_from(
            ["subject-key", "authority-key", "constraints", "usage", "extended", "policies", "names"]
        ),
        max_size=2,
    ),
    "extra": st.sampled_from([(), ((_ONLY_DNS, True),), ((_NOBODY_KNOWS, True),), ((_NOBODY_KNOWS, False),)]),
    "signed_by": st.sampled_from([None, None, ("stranger", "rsa2048")]),
}


@st.composite
def changed_chains(draw: st.DrawFn) -> Changes:
    """A few fields of a few certificates of the good chain, changed."""
    changes: dict[str, dict[str, Any]] = {}
    for _ in range(draw(st.integers(0, 3))):
        which = draw(st.sampled_from(["leaf", "ca", "root"]))
        field = draw(st.sampled_from(sorted(_FIELDS)))
        changes.setdefault(which, {})[field] = draw(_FIELDS[field])
    for which, fields in changes.items():
        if fields.get("ca", which != "leaf") is not True:
            fields["path_length"] = None  # no library writes one for what is no CA
        if "begins" in fields and "ends" in fields and fields["begins"] >= fields["ends"]:
            del fields["begins"]
    return changes


def refused_codes(found: tuple[Deviation, ...], kind: Kind) -> set[str]:
    """The codes that receivers of that kind would give."""
    return {one.code for one in found if one.refused and one.refused_by != _OTHER_KIND[kind]}


def _assert_agreed(codes: set[str], chain: tuple[x509.Certificate, ...], kind: Kind, bench: Bench) -> None:
    """What a receiver answers is among the codes; there are none where it accepts."""
    *sent, root = chain
    refusal: UntrustedError | None = None
    try:
        check_signer(sent, TrustPolicy((root,)), kind, at=bench.at)
    except UntrustedError as error:
        refusal = error
    assert (refusal.code in codes) if refusal else codes == set()


class TestAgreement:
    """Lint says "refused" of a chain exactly when receivers refuse its signer."""

    @pytest.mark.parametrize("bad", [None, *BAD], ids=str)
    @pytest.mark.parametrize("kind", Kind)
    def test_of_each_certificate_that_is_bad_by_name(self, bench: Bench, kind: Kind, bad: str | None) -> None:
        """By the same code, among others."""
        found = bench.pki.certificates(kind, bad)
        chain = (found["leaf"], found["ca"], found["root"])

        codes = refused_codes(lint_chain(chain, kind, at=bench.at), kind)

        _assert_agreed(codes, chain, kind, bench)

    @settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(kind=st.sampled_from(Kind), changes=changed_chains())
    def test_of_any_chain(self, bench: Bench, kind: Kind, changes: Changes) -> None:
        """Whatever CAs may come to issue."""
        try:
            found = bench.pki.certificates(kind, None, **changes)
        except ValueError:
            return  # not even our library writes such a certificate
        chain = (found["leaf"], found["ca"], found["root"])

        codes = refused_codes(lint_chain(chain, kind, at=bench.at), kind)

        _assert_agreed(codes, chain, kind, bench)


def _look(bench: Bench, roles: set[Role], **leaf: Any) -> dict[str, Deviation]:  # noqa: ANN401 - passed on to the recipe
    """What is said of a leaf, by code."""
    certificate = bench.pki.certificates(Kind.FEED, None, leaf=leaf)["leaf"]
    found = lint_certificate(certificate, roles, at=bench.at)
    return {one.code: one for one in found}


class TestExplaining:
    """A sentence names certificate, role, what was got and what is wanted; a remedy says what to do."""

    def test_a_certificate_as_the_profile_has_it_is_passed_in_silence(self, bench: Bench) -> None:
        """Of every role that signs or issues."""
        for kind in Kind:
            life = {"key_kind": "rsa3072", "begins": timedelta(0)}
            found = bench.pki.certificates(
                kind,
                None,
                leaf={**life, "ends": timedelta(days=90)},
                ca={**life, "ends": timedelta(days=1826)},
                root={**life, "ends": timedelta(days=3652)},
            )

            assert lint_chain((found["leaf"], found["ca"], found["root"]), kind, at=bench.at) == ()

    @pytest.mark.parametrize("role", [role for role in Role if role is not Role.ROOT])
    def test_an_absent_usage_is_a_deviation_in_every_role(self, bench: Bench, role: Role) -> None:
        """Whatever some verifiers make of it, "anything" is no purpose."""
        is_ca = PROFILES[role].is_ca
        recipe: dict[str, Any] = {"ca": True, "path_length": 0, "usage": CA_USAGE} if is_ca else {}

        found = _look(bench, {role}, **recipe, extended=None)

        code = "trust.issuer_eku_missing" if is_ca else "trust.eku_absent"
        assert found[code].refused
        assert found[code].refused_by
        for oid in PROFILES[role].extended_key_usage:
            assert oid.dotted_string in found[code].sentence

    def test_a_sentence_names_the_certificate_the_role_and_the_usages(self, bench: Bench) -> None:
        """An operator with forty certificates knows at once which one to renew as what."""
        leaf = bench.pki.certificates(Kind.FEED, None, leaf={"extended": (SERVER_AUTH,)})["leaf"]

        found = lint_certificate(leaf, [Role.FEED_SIGNER], at=bench.at)

        (missing,) = (one for one in found if one.code == "trust.eku_missing")
        assert missing.sentence.startswith("feed signer CN=feed signer,O=Example Software (serial ")
        assert f"{EKU[Kind.FEED].dotted_string} (feed signing)" in missing.sentence
        assert "it has 1.3.6.1.5.5.7.3.1 (serverAuth)" in missing.sentence
        assert "--role feed-signer" in missing.remedy
        assert missing.refused_by == "receivers of feeds"

    @pytest.mark.parametrize(
        ("extended", "code", "lacking", "by"),
        [
            ((SERVER_AUTH,), "trust.eku_missing", CLIENT_AUTH, "the server end of mutual TLS"),
            ((CLIENT_AUTH,), "trust.eku_missing", SERVER_AUTH, "the agent end of mutual TLS"),
        ],
    )
    def test_a_certificate_for_both_ends_of_mutual_tls_needs_both_usages(
        self,
        bench: Bench,
        extended: tuple[x509.ObjectIdentifier, ...],
        code: str,
        lacking: x509.ObjectIdentifier,
        by: str,
    ) -> None:
        """Which end will refuse it is said before that end does."""
        found = _look(bench, {Role.TLS_SERVER, Role.TLS_AGENT}, extended=extended, names=("a.example",))

        assert found[code].refused
        assert found[code].refused_by == by
        assert f"{by} refuses it" in found[code].sentence
        assert "serverAuth and clientAuth" in found[code].remedy
        assert f"lacks the extended key usage (2.5.29.37) {lacking.dotted_string}" in found[code].sentence

    def test_both_usages_satisfy_both_ends(self, bench: Bench) -> None:
        """And neither is called excess."""
        found = _look(
            bench,
            {Role.TLS_SERVER, Role.TLS_AGENT},
            extended=(SERVER_AUTH, CLIENT_AUTH),
            names=("a.example",),
        )

        assert not [one for one in found.values() if one.refused]
        assert "lint.eku_beside" not in found

    @pytest.mark.parametrize(
        ("roles", "recipe", "code", "refused"),
        [
            ({Role.FEED_SIGNER}, {"ends": timedelta(days=400)}, "lint.lifetime", False),
            ({Role.FEED_SIGNER}, {"turned": frozenset({"extended"})}, "lint.eku_critical", False),
            ({Role.FEED_SIGNER}, {"common_name": ""}, "lint.common_name", False),
            ({Role.FEED_SIGNER}, {"subject_key": False}, "lint.subject_key_identifier", False),
            ({Role.FEED_SIGNER}, {"authority_key": False}, "lint.authority_key_identifier", False),
            ({Role.FEED_SIGNER}, {"usage": {"digital_signature", "key_agreement"}}, "lint.key_usage", False),
            ({Role.FEED_SIGNER}, {"key_kind": "rsa2048"}, "lint.key", False),
            ({Role.TLS_SERVER}, {"extended": (SERVER_AUTH,)}, "lint.dns_name", True),
            ({Role.TLS_SERVER}, {"extended": (SERVER_AUTH, CODE_SIGNING)}, "lint.eku_beside", False),
            ({Role.TLS_AGENT}, {"ca": True, "extended": (CLIENT_AUTH,)}, "lint.is_ca", False),
            ({Role.TIME_STAMPING}, {"extended": (TIME_STAMPING,)}, "lint.eku_not_critical", True),
            (
                {Role.TIME_STAMPING},
                {"extended": (TIME_STAMPING, CODE_SIGNING), "turned": frozenset({"extended"})},
                "trust.eku_excess",
                True,
            ),
            ({Role.FEED_CA}, {"ca": True, "organisation": None}, "lint.organisation", False),
            ({Role.FEED_CA}, {"ca": True, "path_length": None}, "lint.path_length", False),
            ({Role.FEED_CA}, {"ca": True, "usage": {"key_cert_sign"}}, "lint.key_usage_missing", False),
        ],
    )
    def test_refusals_and_advice_are_told_apart(
        self, bench: Bench, roles: set[Role], recipe: Mapping[str, Any], code: str, refused: bool
    ) -> None:
        """Advice is what no verifier of ours refuses, yet somebody will regret."""
        found = _look(bench, roles, **recipe)

        assert found[code].refused is refused
        assert bool(found[code].refused_by) is refused
        assert found[code].remedy

    def test_a_time_stamping_certificate_as_rfc_3161_wants_it_is_not_refused(self, bench: Bench) -> None:
        """That usage alone, and critical; and critical is no advice there."""
        found = _look(bench, {Role.TIME_STAMPING}, extended=(TIME_STAMPING,), turned=frozenset({"extended"}))

        assert not [one for one in found.values() if one.refused]
        assert "lint.eku_critical" not in found

    def test_the_issuers_are_asked_whether_they_issued_it(self, bench: Bench) -> None:
        """A missing one, a namesake, and one that ends before what it issued."""
        leaf, ca, root = bench.chain()
        namesake = bench.pki.certificates(Kind.FEED, ca={"key_name": "stranger"})["ca"]
        short = bench.pki.certificates(Kind.FEED, ca={"ends": timedelta(days=9)})["ca"]

        def codes(*issuers: x509.Certificate) -> set[str]:
            found = lint_certificate(leaf, [Role.FEED_SIGNER], at=bench.at, issuers=issuers)
            return {one.code for one in found if one.refused or "outlives" in one.code}

        assert codes(ca, root) == codes(root, ca) == set()
        assert codes(root) == {"trust.chain_incomplete"}
        assert codes(namesake, root) == {"trust.chain_signature"}
        assert codes(short, root) == {"lint.outlives_issuer"}

    @pytest.mark.parametrize(
        ("recipe", "words"),
        [
            ({"turned": frozenset({"constraints"})}, "(2.5.29.19) that are not critical"),
            (
                {"authority_key": False, "extra": ((_BY_SERIAL, False),)},
                "authority key identifier, 2.5.29.35",
            ),
        ],
    )
    def test_what_only_the_library_refuses_of_a_ca_is_said_of_that_ca(
        self, bench: Bench, recipe: Mapping[str, Any], words: str
    ) -> None:
        """In words of ours: the library's name no certificate."""
        ca = bench.pki.certificates(Kind.FEED, None, ca=recipe)["ca"]

        found = {one.code: one for one in lint_certificate(ca, [Role.FEED_CA], at=bench.at)}

        assert found["trust.chain_rejected"].refused
        assert words in found["trust.chain_rejected"].sentence
        assert "issuing CA for feeds CN=feed CA" in found["trust.chain_rejected"].sentence

    def test_what_the_library_refuses_of_a_chain_is_said_of_its_signer(self, bench: Bench) -> None:
        """A DNS name outside the CA's constraints: no rule of ours looks at DNS names."""
        found = bench.pki.certificates(
            Kind.FEED, None, ca={"extra": ((_ONLY_DNS, True),)}, leaf={"names": ("elsewhere.test",)}
        )

        looked = lint_chain((found["leaf"], found["ca"], found["root"]), Kind.FEED, at=bench.at)

        (refused,) = (one for one in looked if one.refused)
        assert (refused.code, refused.refused_by) == ("trust.chain_rejected", "receivers of feeds")

    def test_a_root_that_shuts_out_one_kind_is_refused_by_those_who_want_that_kind(
        self, bench: Bench
    ) -> None:
        """And by nobody else."""
        root = bench.pki.certificates(Kind.FEED, None, root={"extended": (EKU[Kind.FEED],)})["root"]

        found = lint_certificate(root, [Role.ROOT], at=bench.at)

        assert [one.refused_by for one in found if one.refused] == ["receivers of mitigations"]

    def test_a_chain_may_bring_a_second_certificate_of_its_issuing_ca(self, bench: Bench) -> None:
        """Under another root: it is looked at as what it is, wherever it stands."""
        leaf, ca, root = bench.chain()
        other = {"root": {"common_name": "next root", "key_name": "next-root"}}
        following = bench.pki.certificates(Kind.FEED, None, **other, ca={"extended": None})

        good = lint_chain((leaf, ca, root), Kind.FEED, at=bench.at)
        found = lint_chain((leaf, ca, root, following["ca"], following["root"]), Kind.FEED, at=bench.at)

        assert not [one for one in good if one.refused]
        (refused,) = (one for one in found if one.refused)
        assert refused.code == "trust.issuer_eku_missing"
        assert following["ca"].fingerprint(SHA256()).hex() in refused.sentence

    @pytest.mark.parametrize("role", [Role.FEED_SIGNER, Role.TLS_SERVER])
    def test_a_certificate_that_vouches_for_itself_is_refused(self, bench: Bench, role: Role) -> None:
        """Only what is pinned may do so."""
        own = bench.pki.certificates(Kind.FEED, None, leaf={"issuer": "leaf"})["leaf"]

        found = {one.code: one for one in lint_certificate(own, [role], at=bench.at)}

        assert found["trust.anchor_unknown"].refused
        assert "vouches" in found["trust.anchor_unknown"].sentence

    def test_a_certificate_that_cannot_be_read_is_one_deviation(self, bench: Bench) -> None:
        """It is a stranger's, perhaps: whatever stands in it, there is an answer."""
        strange = x509.UnrecognizedExtension(
            x509.ObjectIdentifier("1.3.6.1.5.5.7.1.24"), bytes.fromhex("3003020163")
        )
        leaf = bench.pki.certificates(Kind.FEED, None, leaf={"extra": ((strange, False),)})["leaf"]

        (found,) = lint_certificate(leaf, [Role.FEED_SIGNER], at=bench.at)

        assert (found.code, found.refused) == ("trust.certificate_malformed", True)

    def test_a_publisher_with_usages_of_its_own_is_asked_for_those(self, bench: Bench) -> None:
        """Ours are then as foreign as any."""
        own = {Kind.FEED: POLICY_OID, Kind.MITIGATION: CODE_SIGNING}
        leaf = bench.pki.certificates(Kind.FEED, None, leaf={"extended": (POLICY_OID,)})["leaf"]

        assert not [
            one for one in lint_certificate(leaf, [Role.FEED_SIGNER], at=bench.at, eku=own) if one.refused
        ]
        assert [one for one in lint_certificate(leaf, [Role.FEED_SIGNER], at=bench.at) if one.refused]

    def test_without_a_role_there_is_nothing_to_look_at(self, bench: Bench) -> None:
        """A mistake of the caller."""
        with pytest.raises(ValueError, match="role"):
            lint_certificate(bench.chain()[0], [], at=bench.at)
