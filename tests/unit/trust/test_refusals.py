from __future__ import annotations

import re

import pytest

from feedsrv.errors import RefusedProofError
from feedsrv.trust import refusals
from feedsrv.trust.profile import Role
from feedsrv.trust.refusals import REFUSALS, UntrustedError
from tests.unit.trust.cases import CASES, Bench, Case


def test_every_refusal_has_a_code_and_a_case_of_its_own() -> None:
    """No code stands for two reasons, none is without a document that provokes it."""
    codes = [
        refusal.code for refusal in UntrustedError.__subclasses__() if refusal.__module__ == refusals.__name__
    ]

    assert len(set(codes)) == len(codes)
    assert set(CASES) == set(REFUSALS) == set(codes)


@pytest.mark.parametrize(
    ("code", "case"), [pytest.param(code, case, id=code) for code in CASES for case in CASES[code]]
)
def test_each_wrong_is_refused_by_its_own_name(bench: Bench, code: str, case: Case) -> None:
    """What is wrong with a document is said by the code, in a sentence, with a remedy."""
    with pytest.raises(UntrustedError) as refused:
        case(bench)

    assert refused.value.code == code
    assert isinstance(refused.value, RefusedProofError)
    assert str(refused.value).startswith(f"{refused.value.source}: ")
    assert refused.value.remedy in str(refused.value)
    assert "\n" not in str(refused.value)


_OF_CERTIFICATES = [
    pytest.param(case, id=code) for code in CASES if 6 <= REFUSALS[code].step <= 9 for case in CASES[code]
]


@pytest.mark.parametrize("case", _OF_CERTIFICATES)
def test_a_refusal_of_a_certificate_says_which_one_and_in_which_role(bench: Bench, case: Case) -> None:
    """By its role, its subject and its fingerprint; and the remedy is not a shrug."""
    with pytest.raises(UntrustedError) as refused:
        case(bench)

    sentence = refused.value.found
    assert any(f"{role} " in sentence for role in (*Role, "trust anchor", "intermediate CA"))
    assert re.search(r"CN=[A-Za-z ]+(,O=[A-Za-z ]+)? \(serial [0-9a-f]+, SHA-256 [0-9a-f]{64}\)", sentence)
    assert refused.value.remedy != UntrustedError.remedy


@pytest.mark.parametrize("case", [one for code in CASES for one in CASES[code]])
def test_no_refusal_shows_what_only_programmers_read(bench: Bench, case: Case) -> None:
    """Neither an object of ours nor a namespace in braces, where a name would do."""
    with pytest.raises(UntrustedError) as refused:
        case(bench)

    for inside in ("<cyfunction", "object at 0x", "{http://www.w3.org/2000/09/xmldsig#}", "None"):
        assert inside not in refused.value.found


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_refusal_says_at_which_step_and_what_to_do(refusal: type[UntrustedError]) -> None:
    """The steps are those of the published order; a remedy is a sentence."""
    assert 1 <= refusal.step <= 10
    assert refusal.remedy[0].isupper()
    assert not refusal.remedy.endswith(".")


def test_a_refusal_names_the_certificate_and_the_missing_usage(bench: Bench) -> None:
    """An operator sees which certificate, in which role, and which OID."""
    with pytest.raises(UntrustedError) as refused:
        bench.under("eku-server-auth")

    sentence = str(refused.value)
    leaf = bench.chain("eku-server-auth")[0]
    assert "feed signer CN=feed signer,O=Example Software" in sentence
    assert f"serial {leaf.serial_number:x}" in sentence
    assert "1.2.840.113556.1.8000.2554.26301.64168.40550.22267.43668.15260694.7653015" in sentence
    assert "1.3.6.1.5.5.7.3.1" in sentence
