"""One small feed and one small mitigation that were signed once, by keys that nobody has any more.

They are kept, not made, so that whatever a fuzzer finds stays a finding in the next run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from cryptography.x509 import Certificate
from lxml import etree
from lxml.etree import _Element

from feedsrv.errors import FeedsrvError
from feedsrv.model.feed import Feed
from feedsrv.model.mitigation import Mitigation
from feedsrv.trust.opening import open_feed, open_mitigation
from feedsrv.trust.policy import TrustPolicy, load_anchors
from feedsrv.trust.profile import Kind
from feedsrv.trust.refusals import UntrustedError
from feedsrv.trust.verifying import verify_document
from tests.hostile.genuine import AT, CHANNEL, PRODUCT
from tests.pki import ORGANISATION, POLICY_OID

FOLDER: Final = Path(__file__).parent / "signed"


@dataclass(frozen=True)
class Kept:
    """What was signed, and who judges whether something else was."""

    kind: Kind
    document: bytes
    policy: TrustPolicy
    words: Feed | Mitigation
    canonical: bytes
    signer: Certificate

    def check(self, data: bytes) -> FeedsrvError | None:
        """Open as a receiver does: a refusal, or exactly the words that were signed.

        Raises:
            AssertionError: something else was accepted.
            Exception: no refusal of ours; always a mistake.
        """
        try:
            words: Feed | Mitigation
            if self.kind is Kind.FEED:
                words = open_feed(data, self.policy, at=AT).feed
            else:
                words = open_mitigation(data, self.policy, at=AT, channel=CHANNEL, product=PRODUCT).mitigation
            element = verify_document(data, self.policy, kind=self.kind, at=AT).element
        except UntrustedError as refusal:
            return refusal
        assert words == self.words, f"other words were accepted: {words}"
        assert canonical(element) == self.canonical, "other elements were accepted"
        return None


def canonical(element: _Element) -> bytes:
    """The canonical form of what was signed."""
    return etree.tostring(element, method="c14n", exclusive=True)


@cache
def kept(kind: Kind) -> Kept:
    """The kept document of that kind."""
    anchors = load_anchors((FOLDER / "anchor.pem").read_bytes(), source="anchor.pem")
    policy = TrustPolicy(anchors, organisation=ORGANISATION, policy_oid=POLICY_OID)
    document = (FOLDER / f"{kind}.xml").read_bytes()
    verified = verify_document(document, policy, kind=kind, at=AT)
    words: Feed | Mitigation
    if kind is Kind.FEED:
        words = open_feed(document, policy, at=AT).feed
    else:
        words = open_mitigation(document, policy, at=AT).mitigation
    return Kept(kind, document, policy, words, canonical(verified.element), verified.leaf)
