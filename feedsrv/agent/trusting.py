"""Whom this agent trusts: anchors that were pinned or adopted, by which rules, and with which exceptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography import x509

from feedsrv.agent.anchors import Adopted, AnchorShelf
from feedsrv.agent.exceptions import Granted, name_of_waiver
from feedsrv.agent.grounds import Ground
from feedsrv.agent.revocations import Crl, CrlShelf, Revocations
from feedsrv.agent.settings import AgentSettings, AgentSettingsError
from feedsrv.trust.policy import TrustPolicy, load_anchors, load_crl
from feedsrv.trust.profile import EKU, Kind, fingerprint
from feedsrv.trust.verifying import Proof

_MOST_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class Trust:
    """What the settings say about trust, read from disk, and the roots that were adopted since."""

    base: TrustPolicy
    """With the revocation lists that the settings name."""
    pinned: tuple[x509.Certificate, ...]
    adopted: tuple[Adopted, ...]
    """Those that count."""
    fallen: tuple[Adopted, ...]
    """Adopted roots whose voucher is revoked by now; they count no more."""
    exceptions: tuple[Granted, ...]
    """Those in force."""
    rules: str
    """Digest of whom and what the settings ask for, apart from the anchors."""

    @classmethod
    def of(cls, settings: AgentSettings, home: Path, at: datetime) -> Trust:
        """Read anchors and revocation lists.

        Raises:
            AgentSettingsError: a file cannot be read, or no anchor is set.
            AnchorsError, CrlUnreadableError: a file holds something else.
        """
        pinned = _pinned(settings, home)
        lists = tuple(load_crl(_read(home / name, "crls"), source=name) for name in settings.crls)
        adopted, fallen = _standing(AnchorShelf(home).adopted(), pinned, lists, CrlShelf(home))
        exceptions = tuple(one for one in settings.exceptions if one.is_in_force(at))
        base = TrustPolicy(
            tuple(dict.fromkeys((*pinned, *(one.certificate for one in adopted)))),
            organisation=settings.organisation,
            policy_oid=_oid(settings.policy_oid),
            eku=_ekus(settings),
            crls=lists,
            waivers=tuple(one.waiver for one in exceptions),
        )
        return cls(base, pinned, adopted, fallen, exceptions, _rules(base))

    def policy(self, more: Iterable[Crl] = ()) -> TrustPolicy:
        """The policy with more revocation lists."""
        return replace(self.base, crls=(*self.base.crls, *more))

    def ground_of(self, proof: Proof) -> Ground:
        """On what a document stands that was proven under this policy just now."""
        return Ground.of(
            proof, rules=self.rules, exceptions=frozenset(name_of_waiver(one) for one in proof.waived)
        )

    def bears(self, ground: Ground | None) -> bool:
        """True where all that a document stood on still counts, revocation apart."""
        return (
            ground is not None
            and ground.rules == self.rules
            and any(ground.anchor == fingerprint(one) for one in self.base.anchors)
            and ground.exceptions <= {one.name for one in self.exceptions}
        )


def _standing(
    adopted: Iterable[Adopted],
    pinned: tuple[x509.Certificate, ...],
    lists: tuple[Crl, ...],
    shelf: CrlShelf,
) -> tuple[tuple[Adopted, ...], tuple[Adopted, ...]]:
    """Those whose voucher counts, and those whose voucher was revoked, with all that these vouched for."""
    left = list(adopted)
    if not left:
        return (), ()
    issuers = (*pinned, *(one.certificate for one in left), *shelf.issuers())
    revocations = Revocations((*lists, *shelf.all()), issuers)
    roots = {fingerprint(one) for one in pinned}
    fallen: list[Adopted] = []
    while True:
        # An anchor that was unpinned has no say any more: else whoever steals its key years later takes
        # from every agent the root that came after it.
        heard = roots | {one.fingerprint for one in left}
        lost = {one.fingerprint for one in fallen} - roots
        falling = [
            one
            for one in left
            if one.by in lost
            or (one.by in heard and revocations.since(one.by_key, one.voucher.serial_number) is not None)
        ]
        if not falling:
            return tuple(left), tuple(fallen)
        fallen += falling
        left = [one for one in left if one not in falling]


def _pinned(settings: AgentSettings, home: Path) -> tuple[x509.Certificate, ...]:
    if not settings.anchors:
        raise AgentSettingsError(
            "setting anchors is missing: get the publisher's root certificate by a way you trust, "
            "compare its fingerprint, and run `feedsrv-agent config --anchor ROOT.pem`"
        )
    anchors: dict[x509.Certificate, None] = {}
    for name in settings.anchors:
        anchors |= dict.fromkeys(load_anchors(_read(home / name, "anchors"), source=name))
    return tuple(anchors)


def _read(path: Path, setting: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError as error:
        raise AgentSettingsError(f"setting {setting}: {path} cannot be read ({error.strerror})") from None


def _oid(text: str | None) -> x509.ObjectIdentifier | None:
    return None if text is None else x509.ObjectIdentifier(text)


def _ekus(settings: AgentSettings) -> Mapping[Kind, x509.ObjectIdentifier]:
    return {
        Kind.MITIGATION: _oid(settings.mitigation_eku) or EKU[Kind.MITIGATION],
        Kind.FEED: _oid(settings.feed_eku) or EKU[Kind.FEED],
    }


def _rules(policy: TrustPolicy) -> str:
    rules = [
        policy.organisation or "",
        "" if policy.policy_oid is None else policy.policy_oid.dotted_string,
        *(policy.eku[kind].dotted_string for kind in Kind),
    ]
    return sha256("\n".join(rules).encode()).hexdigest()[:32]
