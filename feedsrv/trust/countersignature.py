"""The RFC 3161 countersignature in documents of the Office Configuration Service.

Such a token is CMS in BER, and its authority's certificate does not mark its usage as critical, so
strict readers of time-stamps refuse it. Here it is asked for what it can say without an anchor of its
own: that whoever held the certificate beside it saw this very signature at that time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from feedsrv.trust.certificates import is_issued_by, name_of, read_party, reason_of
from feedsrv.trust.refusals import UntrustedError

_SET: Final = b"\x31"


class CountersignatureError(UntrustedError):
    """The time-stamp in the document is damaged, or is not of this document."""

    code = "eocs.countersignature"
    step = 4
    remedy = "Fetch the document again; if this comes back, it was changed on its way"


@dataclass(frozen=True)
class Countersignature:
    """When a time-stamping authority saw the signature."""

    at: datetime
    authority: x509.Certificate


def check_countersignature(
    token: bytes, signature: bytes, certificates: Sequence[x509.Certificate], *, source: str
) -> Countersignature:
    """Check that the token is over this signature, by the authority whose certificates stand beside it.

    Whether that authority is trusted is not asked: its root does not stand in such documents.

    Raises:
        CountersignatureError: what is wrong with it.
    """
    try:
        return _check(token, signature, certificates)
    except CountersignatureError:
        raise
    except InvalidSignature:
        raise CountersignatureError(source, "the time-stamp's own signature does not hold") from None
    except _WrongError as wrong:
        raise CountersignatureError(source, f"the time-stamp {wrong}") from None
    except Exception as error:
        # The reader of ASN.1 reads late and promises nowhere what it raises.
        raise CountersignatureError(source, f"the time-stamp cannot be read ({reason_of(error)})") from error


class _WrongError(Exception):
    """What is wrong, as the rest of a sentence."""


def _check(token: bytes, signature: bytes, certificates: Sequence[x509.Certificate]) -> Countersignature:
    signed: Any = cms.ContentInfo.load(token, strict=True)["content"]  # its classes are made at run time
    _require(signed["encap_content_info"]["content_type"].native == "tst_info", "holds no time")
    content = bytes(signed["encap_content_info"]["content"].contents)
    digests = [one["algorithm"].native for one in signed["digest_algorithms"]]
    _require(digests == ["sha256"], "is not over SHA-256 alone")
    _require(len(signed["signer_infos"]) == 1, "does not have exactly one signer")
    (signer,) = signed["signer_infos"]
    held = [one.chosen.dump() for one in signed["certificates"]]
    authority = _authority(certificates, signer, held)
    _check_signed(signer, content, authority)

    info: Any = tsp.TSTInfo.load(content, strict=True)
    imprint = info["message_imprint"]
    _require(imprint["hash_algorithm"]["algorithm"].native == "sha256", "is not over a SHA-256 digest")
    _require(imprint["hashed_message"].native == sha256(signature).digest(), "is over another signature")
    at: datetime = info["gen_time"].native
    inside = authority.not_valid_before_utc <= at <= authority.not_valid_after_utc
    _require(inside, f"was made outside the life of {name_of(authority)}")
    return Countersignature(at, authority)


def _authority(certificates: Sequence[x509.Certificate], signer: Any, held: list[bytes]) -> x509.Certificate:  # noqa: ANN401 -- as above
    _require(bool(certificates), "comes without its authority's certificates")
    for one in certificates:
        _require(one.public_bytes(Encoding.DER) in held, f"does not hold {name_of(one)}")
    authority, *issuers = certificates
    for below, above in zip(certificates, issuers, strict=False):
        issuer = read_party(above, source="time-stamp")
        _require(issuer.is_ca and is_issued_by(below, issuer), f"has a chain that breaks at {name_of(below)}")
    named = signer["sid"].chosen
    _require(
        named["serial_number"].native == authority.serial_number
        and named["issuer"].dump() == authority.issuer.public_bytes(),
        f"is not signed by {name_of(authority)}",
    )
    usages = read_party(authority, source="time-stamp").extended_key_usage
    _require(
        usages == frozenset({ExtendedKeyUsageOID.TIME_STAMPING}),
        f"has a signer not meant for it: {name_of(authority)}",
    )
    return authority


def _check_signed(signer: Any, content: bytes, authority: x509.Certificate) -> None:  # noqa: ANN401 -- as above
    _require(signer["digest_algorithm"]["algorithm"].native == "sha256", "is not signed over SHA-256")
    attributes = {one["type"].native: one["values"] for one in signer["signed_attrs"]}
    _require(attributes["content_type"][0].native == "tst_info", "is signed for something else")
    _require(attributes["message_digest"][0].native == sha256(content).digest(), "was changed")
    # The certificate is named inside what is signed, so that no other one of that key can step in.
    named = attributes["signing_certificate_v2"][0]["certs"][0]["cert_hash"].native
    _require(named == sha256(authority.public_bytes(Encoding.DER)).digest(), "names another certificate")
    key = authority.public_key()
    _require(isinstance(key, RSAPublicKey), "is not signed by an RSA key")
    assert isinstance(key, RSAPublicKey)
    # Signed as a SET (RFC 5652, 5.4), written with the tag of its place in the message.
    signed = _SET + signer["signed_attrs"].dump()[1:]
    key.verify(signer["signature"].native, signed, PKCS1v15(), SHA256())


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise _WrongError(otherwise)
