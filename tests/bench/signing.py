"""What a signature costs through each place where a key can live, and what verifying costs.

Beside each stand, in the same run, the bare signature of the same bytes by cryptography and the same work
by python-xmlsec. `python -m tests.bench.signing` prints tables; no goals are set here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from feedsrv.codec.feed import write_feed
from feedsrv.model.feed import Entry, EntryState, digest_of
from feedsrv.signing.backends import create_key, open_signer
from feedsrv.signing.documents import sign_document
from feedsrv.signing.signer import PrivateKey, Signer
from feedsrv.trust.opening import open_feed
from feedsrv.trust.profile import DS, KeyKind, Kind
from tests.bench.rounds import Ratio, medians
from tests.modules import certify, moto_kms, soft_token
from tests.pki import Pki, pem_of, sample_feed

SIZES: Final = {10: 61, 100: 41, 1000: 15}
"""Entries of a feed, and rounds."""
KINDS: Final = (KeyKind.RSA_3072, KeyKind.P_256)
SIGNED_INFO: Final = b"x" * 700
"""As much as a key is given to sign in each document."""
RAW: Final = "raw cryptography"
XMLSEC: Final = "python-xmlsec"
PROVEN: Final = "python-xmlsec, and verified by it"


@dataclass(frozen=True)
class Places:
    """Signers of feeds by the place of their key: file, SoftHSM2, moto."""

    pki: Pki
    uris: Mapping[str, Callable[[str], str]]

    def signers(self, kind: KeyKind) -> dict[str, Signer]:
        """One signer for each place, with a new key of that kind."""
        made = {}
        for place, uri_of in self.uris.items():
            uri = uri_of(f"{kind}-{place}")
            key = create_key(uri, kind, exportable=False)
            made[place] = open_signer(uri, chain=certify(self.pki, Kind.FEED, key.private_key.public_key()))
        return made


def main() -> int:
    """Measure, and print."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="feedsrv-bench-")))
        token = stack.enter_context(soft_token(folder / "hsm"))
        kms = stack.enter_context(moto_kms())
        places = Places(
            Pki(),
            {
                "file": lambda name: f"file:{folder}/{name}.pem",
                "SoftHSM2": token.place,
                "moto": lambda name: kms.place(f"alias/{name}"),
            },
        )
        by_kind = {kind: places.signers(kind) for kind in KINDS}
        for kind, signers in by_kind.items():
            _tell(_keys(kind, signers))
        for entries, rounds in SIZES.items():
            unsigned = _feed(places.pki, entries)
            _tell(_signing(unsigned, entries, by_kind[KeyKind.RSA_3072], places.pki.anchor(), rounds))
            _tell(_verifying(unsigned, entries, by_kind[KeyKind.RSA_3072]["file"], places.pki, rounds))
    return 0


def _keys(kind: KeyKind, signers: Mapping[str, Signer]) -> list[Ratio]:
    """The signature alone; those from elsewhere are verified before they are handed out."""
    taken = medians(
        {place: partial(_bare, signer.private_key, SIGNED_INFO) for place, signer in signers.items()},
        rounds=101,
    )
    return [
        Ratio(f"key alone, {kind}, {place}", RAW, taken[place], taken["file"], None)
        for place in signers
        if place != "file"
    ]


def _signing(
    unsigned: bytes, entries: int, signers: Mapping[str, Signer], anchor: x509.Certificate, rounds: int
) -> list[Ratio]:
    """A whole document, from bytes to bytes; ours prove at once that the signature holds."""
    what = f"sign, {entries} entries ({len(unsigned) // 1000} kB)"
    by_file = signers["file"]
    key = _xmlsec_key(by_file)
    taken = medians(
        {
            RAW: partial(_bare, by_file.private_key, unsigned),
            XMLSEC: partial(_sign_by_xmlsec, unsigned, key),
            PROVEN: lambda: _verify_by_xmlsec(_sign_by_xmlsec(unsigned, key), anchor),
            **{place: partial(sign_document, unsigned, signer) for place, signer in signers.items()},
        },
        rounds=rounds,
    )
    return [
        Ratio(f"{what}, {place}", baseline, taken[place], taken[baseline], None)
        for place in signers
        for baseline in (RAW, XMLSEC, PROVEN)
    ]


def _verifying(unsigned: bytes, entries: int, signer: Signer, pki: Pki, rounds: int) -> list[Ratio]:
    """A whole document, chain and all; ours also reads every entry."""
    signed, policy, anchor = sign_document(unsigned, signer), pki.policy(), pki.anchor()
    bare, public = _bare(signer.private_key, unsigned), signer.private_key.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    ours = f"verify and read, {entries} entries ({len(signed) // 1000} kB)"
    taken = medians(
        {
            RAW: partial(public.verify, bare, unsigned, PKCS1v15(), SHA256()),
            XMLSEC: partial(_verify_by_xmlsec, signed, anchor),
            ours: partial(open_feed, signed, policy, at=pki.at),
        },
        rounds=rounds,
    )
    return [Ratio(ours, baseline, taken[ours], taken[baseline], None) for baseline in (RAW, XMLSEC)]


def _feed(pki: Pki, entries: int) -> bytes:
    listed = tuple(
        Entry(f"M{number:04}", 3, EntryState.ACTIVE, digest_of(str(number).encode()), 7000 + number)
        for number in range(entries)
    )
    return write_feed(sample_feed(pki.at, entries=listed))


def _bare(key: PrivateKey, data: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, PKCS1v15(), SHA256())
    return key.sign(data, ec.ECDSA(SHA256()))


def _xmlsec_key(signer: Signer) -> xmlsec.Key:
    key = xmlsec.Key.from_memory(pem_of(signer.private_key), xmlsec.constants.KeyDataFormatPem)
    for one in signer.chain:
        key.load_cert_from_memory(one.public_bytes(Encoding.PEM), xmlsec.constants.KeyDataFormatPem)
    return key


def _sign_by_xmlsec(unsigned: bytes, key: xmlsec.Key) -> bytes:
    root = etree.fromstring(unsigned)
    signature = xmlsec.template.create(
        root, xmlsec.constants.TransformExclC14N, xmlsec.constants.TransformRsaSha256
    )
    root.append(signature)
    reference = xmlsec.template.add_reference(signature, xmlsec.constants.TransformSha256, uri="")
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformExclC14N)
    xmlsec.template.add_x509_data(xmlsec.template.ensure_key_info(signature))
    context = xmlsec.SignatureContext()
    context.key = key
    context.sign(signature)
    return etree.tostring(root)


def _verify_by_xmlsec(signed: bytes, anchor: x509.Certificate) -> None:
    manager = xmlsec.KeysManager()
    manager.load_cert_from_memory(
        anchor.public_bytes(Encoding.PEM),
        xmlsec.constants.KeyDataFormatCertPem,
        xmlsec.constants.KeyDataTypeTrusted,
    )
    context = xmlsec.SignatureContext(manager)  # type: ignore[call-arg]  # its stub forgot the argument
    signature = etree.fromstring(signed).find(f"{{{DS}}}Signature")
    assert signature is not None
    context.verify(signature)


def _tell(ratios: Iterable[Ratio]) -> None:
    for ratio in ratios:
        sys.stdout.write(f"{ratio}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
