from __future__ import annotations

from pathlib import Path

import pytest

from feedsrv.signing.backends import create_key, describe_place, open_chain, open_key
from feedsrv.signing.kms_uri import read_kms_uri
from feedsrv.signing.pkcs11_uri import read_pkcs11_uri
from feedsrv.signing.places import TIMEOUT, SignerUriError
from feedsrv.trust.profile import KeyKind

MODULE = "?module-path=/m.so"
KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:eu-west-3:123456789012:key/{KEY_ID}"


@pytest.mark.parametrize(
    ("place", "described"),
    [
        ("file:/a/b.pem", "PEM file /a/b.pem"),
        ("file:///a/b.pem?passphrase=/a/word&chain=/c.pem", "PEM file /a/b.pem"),
        ("FILE:/a%20b/c+d.pem", "PEM file /a b/c+d.pem"),
        (f"pkcs11:token=T;object=O{MODULE}", "PKCS#11 token T, key O"),
        (f"pkcs11:object=a%3Bb;token=T%C3%BC{MODULE}&pin-source=file:/pin", "PKCS#11 token Tü, key a;b"),
        (f"pkcs11:serial=12;id=%01%41;type=private{MODULE}", "PKCS#11 token serial 12, key id %01A"),
        ("aws-kms:alias/a_b/c-d?region=eu-central-1", "AWS KMS alias/a_b/c-d in eu-central-1"),
        (f"aws-kms:{KEY_ID}?region=us-gov-west-1", f"AWS KMS {KEY_ID} in us-gov-west-1"),
        (f"aws-kms:{ARN}", f"AWS KMS {ARN} in eu-west-3"),
        (
            "aws-kms:mrk-1234abcd12ab34cd56ef1234567890ab?region=eu-central-1",
            "AWS KMS mrk-1234abcd12ab34cd56ef1234567890ab in eu-central-1",
        ),
    ],
)
def test_a_place_is_described_for_people(place: str, described: str) -> None:
    """Without touching it: none of these is there."""
    assert describe_place(place) == described


def test_what_stands_in_a_pkcs11_uri_is_decoded() -> None:
    """By RFC 7512: every byte of an id counts, and a plus sign is a plus sign."""
    read = read_pkcs11_uri(
        "pkcs11:token=A+B;manufacturer=Acme%20Inc;id=%00%ff;object=feed%2Fkey"
        "?module-path=/usr/lib/a%26b.so&pin-source=file:/etc/pin%20file&timeout=2.5&chain=/c.pem"
    )

    assert read.token == {"token": "A+B", "manufacturer": "Acme Inc"}
    assert (read.key_id, read.label) == (b"\x00\xff", "feed/key")
    assert (read.module, read.pin) == (Path("/usr/lib/a&b.so"), Path("/etc/pin file"))
    assert (read.timeout, read.chain) == (2.5, Path("/c.pem"))


def test_what_a_uri_leaves_out_has_a_default() -> None:
    """Ten seconds, the region's own address, no PIN."""
    token = read_pkcs11_uri(f"pkcs11:token=T;object=O{MODULE}")
    service = read_kms_uri("aws-kms:alias/feed?region=eu-central-1&endpoint=https://vpce.example:8443/")

    assert (token.timeout, token.pin, token.chain) == (TIMEOUT, None, None)
    assert (service.timeout, service.endpoint) == (TIMEOUT, "https://vpce.example:8443/")
    assert read_kms_uri(f"aws-kms:{ARN}").endpoint is None


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/a/b.pem",
        "vault:secret/hunter2",
        "vault://user:hunter2@host/key",
        "file:a.pem",
        "file://host/a.pem",
        "file:/folder/",
        "file:/a%00b.pem",
        "file:/a.pem?password=hunter2",
        "file:/a.pem?hunter2",
        "file:/a.pem?passphrase=",
        "file:/a.pem?passphrase=hunter2",
        "file:/a.pem?passphrase=/a&passphrase=/b",
        "file:/a.pem?chain=c.pem",
        "pkcs11:",
        "pkcs11:token=T;object=O",
        f"pkcs11:token=T{MODULE}",
        f"pkcs11:object=O{MODULE}",
        f"pkcs11:token=T;object=O;object=P{MODULE}",
        f"pkcs11:token=;object=O{MODULE}",
        f"pkcs11:token=T;object=O;pin-value=hunter2{MODULE}",
        f"pkcs11:token=T;object=O{MODULE}&pin-value=hunter2",
        f"pkcs11:token=T;object=O{MODULE}&pin-source=hunter2",
        f"pkcs11:token=T;object=O{MODULE}&pin-source=%7Chunter2",
        f"pkcs11:token=T;object=O;type=public{MODULE}",
        f"pkcs11:slot-id=x;object=O{MODULE}",
        f"pkcs11:token=%FF;object=O{MODULE}",
        "pkcs11:token=T;object=O?module-path=m.so",
        f"pkcs11:token=T;object=O{MODULE}&timeout=0",
        f"pkcs11:token=T;object=O{MODULE}&timeout=nan",
        f"pkcs11:token=T;object=O{MODULE}&timeout=soon",
        "aws-kms:alias/feed",
        "aws-kms:?region=eu-central-1",
        "aws-kms:alias/a b?region=eu-central-1",
        "aws-kms:alias/feed?region=EU;1",
        "aws-kms:alias/feed?region=eu-central-1&endpoint=ftp://host",
        "aws-kms:alias/feed?region=eu-central-1&endpoint=https://user:hunter2@host",
        "aws-kms:alias/feed?region=eu-central-1&endpoint=https://host?key=hunter2",
        "aws-kms:alias/feed?region=eu-central-1&endpoint=http://[::1",
        "aws-kms:alias/feed?region=eu-central-1&secret=hunter2",
        "aws-kms:alias/feed?region=eu-central-1&timeout=1000",
    ],
)
def test_a_place_that_is_written_wrongly_is_refused_by_its_form(uri: str) -> None:
    """The form is shown, and what might be a secret is not: it would stand in every log."""
    for ask in (describe_place, open_key):
        with pytest.raises(SignerUriError) as refused:
            ask(uri)
        assert refused.value.code == "signing.uri"
        assert "hunter2" not in str(refused.value)
        assert "write " in str(refused.value)


def test_a_signer_without_certificates_is_refused_by_its_name() -> None:
    """Before its key is asked for anything."""
    with pytest.raises(SignerUriError, match=r"PKCS#11 token T, key O: .*chain="):
        open_chain(f"pkcs11:token=T;object=O{MODULE}")


def test_a_new_key_in_a_token_needs_a_name() -> None:
    """By its id alone people would not find it; the module is not even loaded."""
    with pytest.raises(SignerUriError, match="a new key is named by object="):
        create_key(f"pkcs11:token=T;id=%01{MODULE}", KeyKind.P_256, exportable=False)
