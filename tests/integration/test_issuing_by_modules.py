from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.signing.backends import create_key, open_key
from feedsrv.signing.issuing import Authority, certify, cross_certify, issue_crl, issue_root
from feedsrv.signing.requesting import make_request, read_request
from feedsrv.trust.looking import lint_certificate
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import KeyKind, Role
from feedsrv.trust.vouching import check_voucher
from tests.authorities import NOW, make_root, openssl, pem
from tests.modules import moto_kms, soft_token

Places = Callable[[str], str]


@pytest.fixture(params=["pkcs11", "aws-kms"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Places]:
    """Names a key in a real module or service."""
    if request.param == "pkcs11":
        with soft_token(tmp_path / "token") as token:
            yield token.place
    else:
        with moto_kms() as kms:
            yield lambda name: kms.place(f"alias/{name}")


@pytest.mark.parametrize("kind", [KeyKind.RSA_3072, KeyKind.P_256])
def test_a_whole_pki_never_sees_a_private_key(place: Places, kind: KeyKind, tmp_path: Path) -> None:
    """Root and CA sign certificates, answers to requests, vouchers and CRLs where their keys live."""
    for name in ("root", "ca", "signer"):
        create_key(place(name), kind, exportable=False)
    root_key, ca_key = open_key(place("root")).private_key, open_key(place("ca")).private_key
    root = Authority(issue_root(root_key, organisation="Example", now=NOW), root_key)

    asked = make_request(ca_key, Role.FEED_CA, organisation="Example")
    ca = Authority(certify(read_request(asked, source="ca"), Role.FEED_CA, root, now=NOW), ca_key)
    signer_key = open_key(place("signer")).private_key
    request = read_request(
        make_request(signer_key, Role.FEED_SIGNER, organisation="Example"), source="signer"
    )
    signer = certify(request, Role.FEED_SIGNER, ca, now=NOW)
    crls = [issue_crl(one, now=NOW) for one in (root, ca)]
    other = make_root("other")
    voucher = cross_certify(other.certificate, root, now=NOW)

    assert lint_certificate(ca.certificate, [Role.FEED_CA], at=NOW, issuers=[root.certificate]) == ()
    assert lint_certificate(signer, [Role.FEED_SIGNER], at=NOW, issuers=[ca.certificate]) == ()
    policy = TrustPolicy(anchors=(root.certificate,))
    assert check_voucher(other.certificate, voucher, policy, at=NOW, source="v") == root.certificate
    lists = b"".join(one.public_bytes(Encoding.PEM) for one in crls)
    (tmp_path / "trust.pem").write_bytes(pem(root.certificate) + lists)
    (tmp_path / "ca.pem").write_bytes(pem(ca.certificate))
    (tmp_path / "signer.pem").write_bytes(pem(signer))
    said = openssl(
        *("verify", "-x509_strict", "-crl_check_all", "-attime", str(int(NOW.timestamp()))),
        *("-CAfile", "trust.pem", "-untrusted", "ca.pem", "signer.pem"),
        cwd=tmp_path,
    )
    assert said == "signer.pem: OK\n"
