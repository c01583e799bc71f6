"""Looking at encrypted keys before they are opened: how many there are, and what opening them costs.

Passphrases are made slow to guess by repeating a computation; how often, the file itself says. A file of
three thousand bytes could keep this machine busy for an hour, and nothing could interrupt it.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any, Final

from asn1crypto import algos, core, keys, pkcs12

from feedsrv.errors import BadInputError

MOST_ROUNDS: Final = 5_000_000
"""Some seconds. OpenSSL writes 2,048, Java 10,000, and the cautious 600,000."""
_PBMAC1: Final = "1.2.840.113549.1.5.14"
_PEM: Final = re.compile(rb"-----BEGIN [^-]{1,60}-----(.*?)-----END ", re.DOTALL)
_HEADER: Final = re.compile(rb"[^\r\n]*:[^\r\n]*")
_KEY_BAGS: Final = frozenset({"key_bag", "pkcs8_shrouded_key_bag"})


class BundleCostError(BadInputError):
    """Opening the file would take this machine longer than any passphrase is worth."""

    code = "bundle.too_costly"


def count_keys(der: bytes, *, source: str) -> int:
    """The private keys in a PKCS#12 file, after making sure that it can be opened in time.

    Raises:
        BundleCostError: it cannot.
        ValueError: it is no PKCS#12 file.
    """
    try:
        store: Any = pkcs12.Pfx.load(der, strict=True)  # its classes are made at run time
        bags, rounds = [], []
        if store["mac_data"].native is not None:
            rounds.append(store["mac_data"]["iterations"].native)
            rounds += _rounds_of_mac(store["mac_data"]["mac"]["digest_algorithm"])
        for part in store.authenticated_safe:
            if part["content_type"].native == "encrypted_data":
                inside = part["content"]["encrypted_content_info"]
                rounds += _rounds(inside["content_encryption_algorithm"])
            else:
                bags += list(pkcs12.SafeContents.load(part["content"].native))
        for bag in bags:
            if bag["bag_id"].native == "pkcs8_shrouded_key_bag":
                rounds += _rounds(bag["bag_value"]["encryption_algorithm"])
    except Exception as error:
        # The reader reads late, and promises nowhere what it raises.
        raise ValueError(f"no PKCS#12 ({type(error).__name__})") from error
    _check(rounds, source)
    return sum(bag["bag_id"].native in _KEY_BAGS for bag in bags)


def check_cost(data: bytes, *, source: str) -> None:
    """Make sure that an encrypted key, PEM or DER, can be opened in time; any other key passes.

    Raises:
        BundleCostError: it cannot.
    """
    try:
        key: Any = keys.EncryptedPrivateKeyInfo.load(_der_of(data), strict=True)
        rounds = list(_rounds(key["encryption_algorithm"]))
    except Exception:  # noqa: BLE001 - of another form, without such a number; whoever opens it says what is wrong
        return
    _check(rounds, source)


def _der_of(data: bytes) -> bytes:
    """What a PEM block holds, read no more strictly than by whoever opens it: else this look is passed by."""
    block = _PEM.search(data)
    return b64decode(_HEADER.sub(b"", block[1])) if block else data


def _rounds(algorithm: Any) -> Iterator[int]:  # noqa: ANN401 - its classes are made at run time
    parameters = algorithm["parameters"]
    if algorithm["algorithm"].native != "pbes2":
        yield parameters["iterations"].native
        return
    yield from _rounds_of_derivation(parameters["key_derivation_func"])


def _rounds_of_mac(algorithm: Any) -> Iterator[int]:  # noqa: ANN401 - as above
    """What a MAC of today (PBMAC1, RFC 9579) repeats beside the older number, which it ignores."""
    if algorithm["algorithm"].native == _PBMAC1:
        parameters: Any = core.Sequence.load(algorithm["parameters"].dump(), strict=True)
        yield from _rounds_of_derivation(algos.KdfAlgorithm.load(parameters[0].dump(), strict=True))


def _rounds_of_derivation(derivation: Any) -> Iterator[int]:  # noqa: ANN401 - as above
    if derivation["algorithm"].native == "pbkdf2":
        yield derivation["parameters"]["iteration_count"].native
        return
    # scrypt (RFC 7914), which the reader does not know; after the salt, its three numbers multiply.
    found: Any = core.Sequence.load(derivation["parameters"].dump(), strict=True)
    yield found[1].native * found[2].native * found[3].native


def _check(rounds: list[int], source: str) -> None:
    if sum(rounds) > MOST_ROUNDS:
        raise BundleCostError(
            f"{source}: opening it takes {sum(rounds)} rounds of computation, and at most {MOST_ROUNDS} are "
            "made; encrypt it anew with fewer"
        )
