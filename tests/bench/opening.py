"""What opening a feed costs an agent, against signxml's bare verification of the same bytes.

`python -m tests.bench.opening` prints a table.
"""

from __future__ import annotations

import sys
from typing import Final

from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, XMLVerifier

from feedsrv import clock
from feedsrv.model.feed import Entry, EntryState, digest_of
from feedsrv.trust.opening import open_feed
from feedsrv.trust.profile import Kind
from tests.bench.rounds import Ratio, medians
from tests.pki import Pki, sample_feed

ENTRIES: Final = 1000
AT_MOST: Final = 1.5


def main() -> int:
    """Measure, print, and say with the exit code whether the goal was reached."""
    now = clock.now()
    pki = Pki(at=now)
    entries = tuple(
        Entry(f"M{number:04}", 3, EntryState.ACTIVE, digest_of(str(number).encode()), 7000 + number)
        for number in range(ENTRIES)
    )
    document = pki.sign_feed(sample_feed(now, entries=entries))
    policy = pki.policy()
    leaf = pki.signer(Kind.FEED).chain[0]
    # The barest use of signxml that still checks a signature: the certificate is given, no chain.
    bare = SignatureConfiguration(
        location="./",
        signature_methods=frozenset({SignatureMethod.RSA_SHA256}),
        digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
    )
    taken = medians(
        {
            "open_feed": lambda: open_feed(document, policy, at=now),
            "signxml": lambda: XMLVerifier().verify(document, x509_cert=leaf, expect_config=bare),
        },
        rounds=31,
    )
    ratio = Ratio(
        f"open_feed, {ENTRIES} entries ({len(document) // 1000} kB)",
        "signxml's bare verify",
        taken["open_feed"],
        taken["signxml"],
        AT_MOST,
    )
    sys.stdout.write(f"{ratio}\n")
    return int(ratio.is_missed)


if __name__ == "__main__":
    sys.exit(main())
