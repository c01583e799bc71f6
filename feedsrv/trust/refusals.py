"""Every way in which a document is refused, as one table: class, code, step and remedy.

Codes are a promise: strangers script `feedsrv-agent verify` against them. A code is never reused or
renamed; a new reason gets a new class here. `step` is the step of the order of verification (see
`docs/protocol.md`) that refused.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Final

from cryptography.x509 import Certificate

from feedsrv.clock import to_text
from feedsrv.errors import RefusedProofError
from feedsrv.model.feed import Feed

_NOT_OURS: Final = "Do not use it; ask the publisher for the genuine document"
_AGAIN: Final = "Fetch it again; if it stays so, tell the publisher"
_RESIGN: Final = "The publisher must sign again in the published signature profile"
_REISSUE: Final = (
    "The publisher must have a certificate issued that follows the profile of its role "
    "(`feedsrv key request`), and sign again"
)
_RECERTIFY: Final = "Do not use it; the publisher must have its CA certified anew and sign again under it"


class UntrustedError(RefusedProofError):
    """Not accepted as proof. `found` says what was met, `remedy` what to do; neither ends in a full stop."""

    code: ClassVar[str] = "trust"
    step: ClassVar[int] = 0
    remedy: str = _NOT_OURS

    def __init__(self, source: str, found: str, *, remedy: str | None = None) -> None:
        self.remedy = remedy or type(self).remedy
        super().__init__(f"{source}: {found}. {self.remedy}.")
        self.source = source
        self.found = found
        self.issuer: Certificate | None = None
        """Where an exception may let it pass: the CA that such an exception has to name."""


class DocumentLimitsError(UntrustedError):
    """Larger, deeper or fuller than any document of ours, refused before any cryptography."""

    code, step = "trust.document_limits", 1


class DocumentMalformedError(UntrustedError):
    """No XML that is safe to read: not well-formed, a DTD, an entity, another encoding."""

    code, step = "trust.document_malformed", 2
    remedy = "Make sure that the address answers the document itself, whole, and not a page or a part"


class WrongKindError(UntrustedError):
    """Well-formed XML, but another kind of document than the one asked for."""

    code, step = "trust.wrong_kind", 2
    remedy = "Ask for the document by the right address or the right --kind"


class SignatureMissingError(UntrustedError):
    """There is no signature."""

    code, step = "trust.signature_missing", 3


class SignatureCountError(UntrustedError):
    """There is more than one signature in the document."""

    code, step = "trust.signature_count", 3


class SignatureMisplacedError(UntrustedError):
    """The signature is not the last child of the root."""

    code, step = "trust.signature_misplaced", 3


class SignatureFormError(UntrustedError):
    """The signature holds elements or attributes beyond the profile, or lacks some of it."""

    code, step, remedy = "trust.signature_form", 3, _RESIGN


class SignatureReferenceError(UntrustedError):
    """The signature does not cover the whole document by one reference and the two exact transforms."""

    code, step, remedy = "trust.signature_reference", 3, _RESIGN


class SignatureAlgorithmError(UntrustedError):
    """The signature uses an algorithm that is not allowed."""

    code, step, remedy = "trust.signature_algorithm", 3, _RESIGN


class SignatureKeyInfoError(UntrustedError):
    """The signature brings a key, or a hint to one, beside its certificates."""

    code, step, remedy = "trust.signature_key_info", 3, _RESIGN


class CertificateCountError(UntrustedError):
    """The signature brings no certificate, or too many."""

    code, step, remedy = "trust.certificate_count", 3, _RESIGN


class CertificateMalformedError(UntrustedError):
    """A certificate cannot be read."""

    code, step = "trust.certificate_malformed", 3
    remedy = "Fetch it again; if it stays so, the publisher must sign with certificates that can be read"


class SignerAmbiguousError(UntrustedError):
    """It cannot be told which certificate is the signer's."""

    code, step = "trust.signer_ambiguous", 3
    remedy = "The publisher must sign again with the signer's certificate and its issuers, nothing else"


class SignatureInvalidError(UntrustedError):
    """The document was changed after it was signed, or another key signed it."""

    code, step = "trust.signature_invalid", 4
    remedy = "Do not use it; fetch it again byte for byte, and if it stays so, tell the publisher"


class ChainIncompleteError(UntrustedError):
    """The certificate of an issuer is missing."""

    code, step = "trust.chain_incomplete", 6
    remedy = "The publisher must put the issuing CA's certificate beside the signer's, and sign again"


class AnchorUnknownError(UntrustedError):
    """The chain is whole, but ends at a root that is not pinned here."""

    code, step = "trust.anchor_unknown", 6
    remedy = "Do not use it, unless you compare that root's fingerprint by another way; then pin it"


class ChainSignatureError(UntrustedError):
    """A certificate names an issuer whose key did not sign it."""

    code, step = "trust.chain_signature", 6
    remedy = "Do not use it; where that issuer has a new key under its old name, its certificate is missing"


class CertificateExpiredError(UntrustedError):
    """A certificate of the chain, the anchor included, had ended at the stated time."""

    code, step = "trust.certificate_expired", 6
    remedy = "Check this machine's clock; then the publisher must renew that certificate and sign again"


class CertificateNotYetValidError(UntrustedError):
    """A certificate of the chain had not begun at the stated time."""

    code, step = "trust.certificate_not_yet_valid", 6
    remedy = "Check this machine's clock; then ask the publisher when that certificate begins"


class SignerIsCaError(UntrustedError):
    """The document was signed by a CA itself."""

    code, step, remedy = "trust.signer_is_ca", 6, _REISSUE


class IssuerNotCaError(UntrustedError):
    """A certificate was issued by one that is not a CA."""

    code, step, remedy = "trust.issuer_not_ca", 6, _RECERTIFY


class PathLengthError(UntrustedError):
    """There are more CAs below a CA than it permits."""

    code, step, remedy = "trust.path_length", 6, _RECERTIFY


class KeyUsageError(UntrustedError):
    """A certificate's key usage does not permit what it was used for."""

    code, step, remedy = "trust.key_usage", 6, _REISSUE


class CertificateAlgorithmError(UntrustedError):
    """A certificate is signed by an algorithm that is not allowed, such as SHA-1."""

    code, step, remedy = "trust.certificate_algorithm", 6, _REISSUE


class KeySizeError(UntrustedError):
    """A certificate's key is of a kind or size that is not allowed."""

    code, step, remedy = "trust.key_size", 6, _REISSUE


class CriticalExtensionError(UntrustedError):
    """A certificate holds a critical extension that is not understood here."""

    code, step, remedy = "trust.critical_extension", 6, _REISSUE


class ChainRejectedError(UntrustedError):
    """The chain breaks another rule for certificates; the library's own words say which."""

    code, step, remedy = "trust.chain_rejected", 6, _REISSUE


class EkuAbsentError(UntrustedError):
    """The signer's certificate says nothing of what it may sign."""

    code, step, remedy = "trust.eku_absent", 7, _REISSUE


class EkuMissingError(UntrustedError):
    """The signer's certificate is for other purposes; "any" is not enough."""

    code, step, remedy = "trust.eku_missing", 7, _REISSUE


class EkuExcessError(UntrustedError):
    """The signer's certificate is for our purpose and for others, too."""

    code, step, remedy = "trust.eku_excess", 7, _REISSUE


class IssuerEkuMissingError(UntrustedError):
    """The issuing CA is not for this kind of document."""

    code, step, remedy = "trust.issuer_eku_missing", 7, _RECERTIFY


class EkuExcludedError(UntrustedError):
    """A CA above the issuing CA is limited to other purposes."""

    code, step, remedy = "trust.eku_excluded", 7, _RECERTIFY


class IssuerOrganisationError(UntrustedError):
    """The issuing CA belongs to another organisation than the policy names."""

    code, step = "trust.issuer_organisation", 8
    remedy = "Do not use it; where the publisher has a new name, change the organisation in the policy here"


class IssuerPolicyError(UntrustedError):
    """The issuing CA does not carry the certificate policy that is asked for."""

    code, step, remedy = "trust.issuer_policy", 8, _RECERTIFY


class SignerRevokedError(UntrustedError):
    """The signer's certificate is revoked."""

    code, step = "trust.signer_revoked", 9
    remedy = "Do not use it; the publisher must sign again by a key that is not revoked"


class IssuerRevokedError(UntrustedError):
    """A CA of the chain is revoked."""

    code, step = "trust.issuer_revoked", 9
    remedy = "Do not use it; the publisher must sign again under a CA that is not revoked"


class CrlForgedError(UntrustedError):
    """A CRL names an issuer of the chain whose key did not sign it, or who may not sign CRLs."""

    code, step = "trust.crl_forged", 9
    remedy = "Remove that CRL and fetch it again from the publisher"


class CrlStaleError(UntrustedError):
    """The newest CRL at hand of an issuer is past its date."""

    code, step = "trust.crl_stale", 9
    remedy = "Fetch a new CRL from the publisher, who must issue one if there is none"


class CrlNotYetValidError(UntrustedError):
    """The newest CRL at hand of an issuer begins after the stated time."""

    code, step = "trust.crl_not_yet_valid", 9
    remedy = "Check this machine's clock, and that the CRL is the publisher's"


class CrlFormError(UntrustedError):
    """A CRL cannot be judged here: a delta, an indirect one, or of an unknown critical extension."""

    code, step = "trust.crl_form", 9
    remedy = "The publisher must issue a plain, complete CRL"


class ContentInvalidError(UntrustedError):
    """Signed and trusted, yet against the grammar or contradicting itself."""

    code, step = "trust.content_invalid", 10
    remedy = "Update this program if the publisher uses a newer grammar; else tell the publisher"


class StaleFeedError(UntrustedError):
    """Genuine, but older than a feed already trusted here: perhaps a replay."""

    code, step = "feed.stale", 10
    remedy = "Keep the newer feed; ask the server's operator why an old one is served"

    def __init__(self, source: str, *, offered: int, trusted: int) -> None:
        super().__init__(source, f"feed version {offered} was offered, but {trusted} is already trusted")
        self.offered = offered
        self.trusted = trusted


class ForkedFeedError(UntrustedError):
    """Genuine, but it contradicts the feed already trusted here: two histories exist."""

    code, step = "feed.forked", 10
    remedy = "Keep the newest feed that is trusted, and tell the publisher: somebody signed two histories"


class OtherFeedError(UntrustedError):
    """Genuine, but for another product or channel."""

    code, step, remedy = "feed.other", 10, "Ask for the feed of the right product and channel"


class OutlivingFeedError(UntrustedError):
    """It claims to hold for longer than its signer's certificate: perhaps a stolen key."""

    code, step = "feed.outlives_certificate", 10
    remedy = "The publisher must sign a feed that expires no later than its certificate"


class ExpiredFeedError(UntrustedError):
    """Genuine and not older than what is trusted, but past its date: perhaps a freeze.

    Never a reason to take a protection away. `feed` is there for a caller who wants to look.
    """

    code, step = "feed.expired", 10
    remedy = "Keep what is applied; ask the server's operator why the feed is not refreshed"

    def __init__(self, source: str, feed: Feed, at: datetime) -> None:
        super().__init__(
            source, f"feed version {feed.version} expired at {to_text(feed.expires)}, and it is {to_text(at)}"
        )
        self.feed = feed


class SizeMismatchError(UntrustedError):
    """The mitigation has another length than the feed says."""

    code, step, remedy = "mitigation.size_mismatch", 10, _AGAIN


class DigestMismatchError(UntrustedError):
    """The mitigation has another digest than the feed says."""

    code, step, remedy = "mitigation.digest_mismatch", 10, _AGAIN


class OtherMitigationError(UntrustedError):
    """Another mitigation, or another revision of it, than the feed names."""

    code, step = "mitigation.other", 10


class OtherChannelError(UntrustedError):
    """The mitigation was written for another channel."""

    code, step = "mitigation.other_channel", 10
    remedy = "Do not apply it; whoever holds the feed key listed it where its authors did not mean it to go"


class OtherProductError(UntrustedError):
    """The mitigation, never held here before, does not name this product."""

    code, step = "mitigation.other_product", 10
    remedy = "Do not apply it; ask the publisher why it is in this product's feed"


class OlderRevisionError(UntrustedError):
    """A lower revision than the one held here: perhaps a replay."""

    code, step = "mitigation.older_revision", 10
    remedy = "Keep the newer revision; ask the server's operator why an old one is served"


REFUSALS: Final[dict[str, type[UntrustedError]]] = {
    refusal.code: refusal for refusal in UntrustedError.__subclasses__()
}
