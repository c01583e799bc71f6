"""On what ground a document was trusted, so that it is judged again when that ground is gone.

A document that was trusted once is held by its digest, and its signature is not checked again. It stood
on the rules of the settings, on one anchor, perhaps on an exception, and on keys that nobody had revoked.
Where one of these is gone, so is the ground; an anchor that is added takes nothing away.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

from feedsrv.trust.profile import fingerprint, spki_id
from feedsrv.trust.verifying import Proof

_VERSION: Final = "2"
_NONE: Final = "-"


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate as its issuer's revocation list would name it."""

    issuer: str
    """The issuer's key, by its SHA-256."""
    serial: int


@dataclass(frozen=True, slots=True)
class Ground:
    """What must go on for a document to go on being trusted."""

    rules: str
    """Digest of whom and what the settings ask for."""
    anchor: str
    """Fingerprint."""
    exceptions: frozenset[str]
    """Names of the exceptions without which it would have been refused."""
    chain: tuple[Issued, ...]
    """The signer's certificate and its issuers, without the anchor."""

    @classmethod
    def of(cls, proof: Proof, *, rules: str, exceptions: frozenset[str]) -> Ground:
        """The ground of a document that was proven just now."""
        chain = tuple(
            Issued(spki_id(issuer.public_key()), one.serial_number)
            for one, issuer in pairwise((*proof.chain, proof.anchor))
        )
        return cls(rules, fingerprint(proof.anchor), exceptions, chain)

    @classmethod
    @lru_cache(maxsize=64)  # hundreds of documents stand on the same few grounds, at every poll
    def parse(cls, text: str) -> Ground | None:
        """Read what `str` wrote; None for what an earlier version kept, which is no ground any more."""
        parts = text.split(" ")
        if len(parts) != 5 or parts[0] != _VERSION:
            return None
        _, rules, anchor, exceptions, chain = parts
        try:
            issued = tuple(
                Issued(issuer, int(serial, 16))
                for issuer, _, serial in (one.partition(":") for one in chain.split(","))
            )
        except ValueError:
            return None
        names = frozenset() if exceptions == _NONE else frozenset(exceptions.split(","))
        return cls(rules, anchor, names, issued)

    def __str__(self) -> str:
        exceptions = ",".join(sorted(self.exceptions)) or _NONE
        chain = ",".join(f"{one.issuer}:{one.serial:x}" for one in self.chain)
        return f"{_VERSION} {self.rules} {self.anchor} {exceptions} {chain}"
