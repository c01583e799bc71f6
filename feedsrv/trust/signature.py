"""Step 4: the signature itself, by the leaf's key and no other; whether the leaf is trusted is `chain`'s."""

from __future__ import annotations

from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from feedsrv.trust.certificates import name_of, reason_of
from feedsrv.trust.form import Form
from feedsrv.trust.profile import ECDSA_SHA256, RSA_SHA256, SIGNERS
from feedsrv.trust.refusals import SignatureAlgorithmError, SignatureInvalidError

_METHODS: Final = {RSA_SHA256: SignatureMethod.RSA_SHA256, ECDSA_SHA256: SignatureMethod.ECDSA_SHA256}
_KEYS: Final = {RSA_SHA256: rsa.RSAPublicKey, ECDSA_SHA256: ec.EllipticCurvePublicKey}


class _Verifier(XMLVerifier):
    """signxml without its copies of the whole tree, into which half of its time goes.

    It copies because each of several references may change the tree. `form` has made sure that there is
    one, and nobody looks at the tree afterwards; what is returned is parsed anew from the signed bytes.
    """

    def get_root(self, data: etree._Element) -> etree._Element:
        return data

    def _tostring(self, xml_node: etree._Element, **options: Any) -> Any:  # noqa: ANN401 - as in signxml
        if xml_node.getparent() is None:
            return xml_node
        return super()._tostring(xml_node, **options)  # type: ignore[no-untyped-call]  # untyped there

    def _fromstring(self, xml_string: Any, **options: Any) -> Any:  # noqa: ANN401 - as in signxml
        if isinstance(xml_string, etree._Element):  # noqa: SLF001 - lxml's only name for an element
            return xml_string
        return super()._fromstring(xml_string, **options)  # type: ignore[no-untyped-call]  # untyped there


def signed_content(form: Form, signer: x509.Certificate, *, source: str) -> etree._Element:
    """Verify with the signer's key, and return exactly what was signed, parsed from the signed bytes.

    Spends the form: its tree is changed.

    Raises:
        SignatureAlgorithmError: the signer's key is of another kind than the algorithm.
        SignatureInvalidError: the signature does not hold.
    """
    name = f"{SIGNERS[form.kind]} {name_of(signer)}"
    if not isinstance(signer.public_key(), _KEYS[form.algorithm]):
        raise SignatureAlgorithmError(source, f"{form.algorithm} does not fit the key of {name}")
    configuration = SignatureConfiguration(
        location="./",
        expect_references=1,
        signature_methods=frozenset({_METHODS[form.algorithm]}),
        digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
        # Only the mathematics is asked here. Whether the certificate is valid at the time that
        # counts is step 6, which says so in words of its own.
        verification_time=signer.not_valid_before_utc,
    )
    try:
        # A new verifier every time: it keeps its settings on itself, so sharing one between
        # threads lets forbidden algorithms through.
        result = _Verifier().verify(form.root, x509_cert=signer, expect_config=configuration)
    except Exception as error:
        # The libraries raise many kinds (lxml's, signxml's, builtin ones); all mean no.
        raise SignatureInvalidError(
            source, f"the signature does not hold under the key of {name} ({reason_of(error)})"
        ) from error
    if not isinstance(result, VerifyResult) or result.signed_xml is None:
        raise SignatureInvalidError(source, "the signature covers no readable document")
    return result.signed_xml
