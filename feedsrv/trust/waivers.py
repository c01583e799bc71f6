"""Exceptions that a receiver's administrator makes: one check, one issuing CA, one kind, until a date.

There is no switch that turns a check off: a certificate mistake of one publisher may be borne for a while,
and nothing else passes because of it. What may be waived is a table, and what never may be is one, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from cryptography import x509

from feedsrv.errors import OperatorError
from feedsrv.trust.profile import Kind, fingerprint
from feedsrv.trust.refusals import UntrustedError

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")


class WaiverError(OperatorError):
    """An exception in the policy names a check that cannot be waived, or is not written as one must be."""

    code = "trust.waiver"


WAIVABLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "trust.eku_absent": "a signer's certificate without any extended key usage",
        "trust.eku_missing": "a signer's certificate whose extended key usage lacks that of its kind",
        "trust.eku_excess": "a signer's certificate that has further extended key usages",
        "trust.key_usage": "a signer's certificate without the key usage digitalSignature, or without any; "
        "never one that may sign certificates or CRLs, and never a CA's",
        "trust.issuer_eku_missing": "an issuing CA without the extended key usage of its kind",
        "trust.issuer_organisation": "an issuing CA whose subject names another organisation",
        "trust.issuer_policy": "an issuing CA without the certificate policy that is asked for",
        "trust.crl_stale": "a CRL of that CA past its date; what it revokes stays revoked",
    }
)
"""What an exception may let pass, by the code of the refusal."""

_PROOF: Final = "without it nothing is proven: anybody could have written the document"
_FORM: Final = "what other programs read differently from us is how forged content gets in"
_WORK: Final = "it keeps strangers from occupying this machine"
_CHAIN: Final = "without it anybody's certificate would do as the signer's"
_MATHS: Final = "such signatures and keys can be forged or computed"
_TIME: Final = "a key that was given up would be good for ever; renew the certificate, or mend the clock"
_FRESH: Final = "it keeps a replayed or misplaced document from taking protection away"
_REVOKED: Final = "its key is known to be in wrong hands"
_CRL: Final = "a list that cannot be believed hides a revocation; remove it, or fetch it again"
_WORDS: Final = "what cannot be read rightly cannot be applied rightly"
_ANCHOR: Final = "pin the publisher's root instead, after comparing its fingerprint"

NEVER_WAIVED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "trust.document_limits": _WORK,
        "trust.document_malformed": _FORM,
        "trust.wrong_kind": "the two kinds of document have different keys for a reason",
        "trust.signature_missing": _PROOF,
        "trust.signature_count": _FORM,
        "trust.signature_misplaced": _FORM,
        "trust.signature_form": _FORM,
        "trust.signature_reference": _FORM,
        "trust.signature_algorithm": _MATHS,
        "trust.signature_key_info": _FORM,
        "trust.certificate_count": _WORK,
        "trust.certificate_malformed": _FORM,
        "trust.signer_ambiguous": _PROOF,
        "trust.signature_invalid": _PROOF,
        "trust.chain_incomplete": _CHAIN,
        "trust.anchor_unknown": _ANCHOR,
        "trust.chain_signature": _CHAIN,
        "trust.certificate_expired": _TIME,
        "trust.certificate_not_yet_valid": _TIME,
        "trust.signer_is_ca": _CHAIN,
        "trust.issuer_not_ca": _CHAIN,
        "trust.path_length": _CHAIN,
        "trust.certificate_algorithm": _MATHS,
        "trust.key_size": _MATHS,
        "trust.critical_extension": "whoever issued it forbids its use by those who do not understand it",
        "trust.chain_rejected": _CHAIN,
        "trust.eku_excluded": "the CA above forbids it; only that CA can allow it",
        "trust.signer_revoked": _REVOKED,
        "trust.issuer_revoked": _REVOKED,
        "trust.crl_forged": _CRL,
        "trust.crl_not_yet_valid": _CRL,
        "trust.crl_form": _CRL,
        "trust.content_invalid": _WORDS,
        "feed.stale": _FRESH,
        "feed.forked": _FRESH,
        "feed.other": _FRESH,
        "feed.outlives_certificate": _TIME,
        "feed.expired": "an expired feed is no reason to lose a protection, and none to trust it further",
        "mitigation.size_mismatch": _FRESH,
        "mitigation.digest_mismatch": _FRESH,
        "mitigation.other": _FRESH,
        "mitigation.other_channel": _FRESH,
        "mitigation.other_product": _FRESH,
        "mitigation.older_revision": _FRESH,
    }
)
"""What no exception lets pass, and why."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """One check that need not hold, for the signers of one issuing CA, until a date."""

    check: str
    """The code of the refusal that it lets pass; one of `WAIVABLE`."""
    issuer: str
    """SHA-256 fingerprint of the issuing CA's certificate, as hexadecimal digits; for a stale CRL, that of
    the CA whose CRL it is."""
    kind: Kind
    until: datetime
    """It counts before this moment only."""
    reason: str
    """For people: who decided it, and why."""

    def __post_init__(self) -> None:
        if self.check in NEVER_WAIVED:
            raise WaiverError(f"{self.check} can never be waived: {NEVER_WAIVED[self.check]}")
        if self.check not in WAIVABLE:
            raise WaiverError(f"{self.check[:60]!r} is no check; what can be waived is {', '.join(WAIVABLE)}")
        if not _FINGERPRINT.fullmatch(self.issuer):
            raise WaiverError(
                f"an exception names its issuing CA by {self.issuer[:70]!r}, which is no SHA-256 "
                "fingerprint: write 64 hexadecimal digits, as a refusal shows them"
            )
        if self.until.tzinfo is None:
            raise WaiverError(f"an exception ends at {self.until}, which names no time zone: write it in UTC")
        if not self.reason.strip():
            raise WaiverError(f"an exception for {self.check} gives no reason: say who decided it, and why")


class Leniency:
    """The waivers in force for one path; notes down those that were needed."""

    @classmethod
    def of(cls, waivers: Iterable[Waiver], kind: Kind, at: datetime) -> Leniency:
        """Those for documents of that kind that count at that time."""
        return cls(one for one in waivers if one.kind is kind and at < one.until)

    def __init__(self, waivers: Iterable[Waiver] = ()) -> None:
        self._waivers = tuple(waivers)
        self._needed: dict[Waiver, None] = {}

    @property
    def needed(self) -> tuple[Waiver, ...]:
        """Those without which there would have been a refusal."""
        return tuple(self._needed)

    def refuse(self, refusal: UntrustedError, ca: x509.Certificate) -> None:
        """Raise that refusal, unless it is waived for that CA."""
        for one in self._waivers:
            if one.check == refusal.code and one.issuer == fingerprint(ca):
                self._needed[one] = None
                return
        refusal.issuer = ca if refusal.code in WAIVABLE else None
        raise refusal

    def has_waived(self, *refusals: type[UntrustedError]) -> bool:
        """True where one of these refusals was waived before."""
        codes = {refusal.code for refusal in refusals}
        return any(one.check in codes for one in self._needed)
