"""Whom this agent trusts: pinned anchors from its settings, and the revocation lists at hand.

Revocation lists come from the publisher's server like everything else. One is kept between syncs
only once it is known to be its issuer's, and the newest of each issuer is never given up for an older one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.agent.durable import replace_file
from feedsrv.agent.library import LibraryError
from feedsrv.agent.settings import AgentSettings, AgentSettingsError
from feedsrv.trust.policy import TrustPolicy, load_anchors, load_crl
from feedsrv.trust.profile import EKU, Kind

Crl = x509.CertificateRevocationList
_MAX_ANCHORS: Final = 1024 * 1024


@dataclass(frozen=True)
class Trust:
    """What the settings say about trust, read from disk."""

    base: TrustPolicy
    """With the revocation lists that the settings name."""
    fingerprint: str
    """Names the anchors and rules; what was trusted under others is judged again."""

    @classmethod
    def of(cls, settings: AgentSettings, home: Path) -> Trust:
        """Read anchors and revocation lists.

        Raises:
            AgentSettingsError: a file cannot be read, or no anchor is set.
            AnchorsError, CrlUnreadableError: a file holds something else.
        """
        if not settings.anchors:
            raise AgentSettingsError(
                "setting anchors is missing: get the publisher's root certificate by a way you trust, "
                "compare its fingerprint, and run `feedsrv-agent config --anchor ROOT.pem`"
            )
        anchors: dict[x509.Certificate, None] = {}
        for name in settings.anchors:
            anchors |= dict.fromkeys(load_anchors(_read(home / name, "anchors"), source=name))
        base = TrustPolicy(
            tuple(anchors),
            organisation=settings.organisation,
            policy_oid=_oid(settings.policy_oid),
            eku=_ekus(settings),
            crls=tuple(load_crl(_read(home / name, "crls"), source=name) for name in settings.crls),
        )
        return cls(base, _fingerprint(base))

    def policy(self, more: Iterable[Crl] = ()) -> TrustPolicy:
        """The policy with more revocation lists."""
        base = self.base
        return TrustPolicy(base.anchors, base.organisation, base.policy_oid, base.eku, (*base.crls, *more))


class CrlShelf:
    """The revocation lists that are kept between syncs."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "crls"

    def all(self) -> tuple[Crl, ...]:
        """Every list that is kept; one that was damaged on the disk is fetched again anyway."""
        found: list[Crl] = []
        for path in sorted(self._folder.glob("*.crl")):
            try:
                found.append(x509.load_der_x509_crl(path.read_bytes()))
            except (OSError, ValueError):
                continue
        return tuple(found)

    def keep(self, fetched: Iterable[Crl], issuers: Iterable[x509.Certificate]) -> None:
        """Keep those lists that one of these certificates signed, where they are newer than what is kept.

        Raises:
            LibraryError: one cannot be written.
        """
        kept = {crl.issuer: crl for crl in self.all()}
        issuers = tuple(issuers)
        for crl in fetched:
            old = kept.get(crl.issuer)
            is_newer = old is None or crl.last_update_utc > old.last_update_utc
            if is_newer and any(_signed(crl, issuer) for issuer in issuers):
                self._write(crl)
                kept[crl.issuer] = crl

    def _write(self, crl: Crl) -> None:
        name = sha256(crl.issuer.public_bytes()).hexdigest()[:32]
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            replace_file(self._folder / f"{name}.crl", crl.public_bytes(Encoding.DER))
        except OSError as error:
            raise LibraryError(self._folder, error) from None


def _signed(crl: Crl, issuer: x509.Certificate) -> bool:
    if crl.issuer != issuer.subject:
        return False
    try:
        # The key's kind is the certificate's own; one that cannot sign a list raises.
        return crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return False


def _read(path: Path, setting: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_ANCHORS)
    except OSError as error:
        raise AgentSettingsError(f"setting {setting}: {path} cannot be read ({error.strerror})") from None


def _oid(text: str | None) -> x509.ObjectIdentifier | None:
    return None if text is None else x509.ObjectIdentifier(text)


def _ekus(settings: AgentSettings) -> Mapping[Kind, x509.ObjectIdentifier]:
    return {
        Kind.MITIGATION: _oid(settings.mitigation_eku) or EKU[Kind.MITIGATION],
        Kind.FEED: _oid(settings.feed_eku) or EKU[Kind.FEED],
    }


def _fingerprint(policy: TrustPolicy) -> str:
    anchors = sorted(anchor.public_bytes(Encoding.DER).hex() for anchor in policy.anchors)
    rules = [
        policy.organisation or "",
        "" if policy.policy_oid is None else policy.policy_oid.dotted_string,
        *(policy.eku[kind].dotted_string for kind in Kind),
    ]
    return sha256("\n".join([*anchors, *rules]).encode()).hexdigest()
