"""Makes the kept documents and the kept corpus: `python -m tests.fuzz.keeping [--new-keys] [FOLDER ...]`.

Every hostile document, each input that a fuzzer found (its folders are named) and what is kept already are
tried in turn; kept are the smallest that together reach every line and jump that all of them reach. The
documents that were signed stay as they are, unless new keys are asked for.
"""

from __future__ import annotations

import argparse
import sys
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.codec.feed import write_feed
from feedsrv.codec.mitigation import write_mitigation
from feedsrv.model.feed import Feed
from feedsrv.trust.profile import Kind
from tests.fuzz.__main__ import CORPUS, MOST_BYTES
from tests.fuzz.genuine import FOLDER
from tests.hostile.genuine import AT, Genuine, der, genuine
from tests.hostile.manifest import classes
from tests.pki import Pki, sample_mitigation
from tests.recipes import Recipe

_HERE: Final = Path(__file__).parents[2]
_WATCHED: Final = str(_HERE / "feedsrv")
_Jump = tuple[str, int, int]


class SmallPki(Pki):
    """Keys on P-256, whose certificates are half as long."""

    def recipes(self, kind: Kind, bad: str | None = None, **changes: Mapping[str, Any]) -> dict[str, Recipe]:
        """As usual, but for the usual kind of key."""
        usual = super().recipes(kind, bad, **changes)
        return {
            name: replace(one, key_kind="p256" if one.key_kind == "rsa2048" else one.key_kind)
            for name, one in usual.items()
        }


def small(kind: Kind, pki: Pki) -> Genuine:
    """A short document of that kind."""
    if kind is Kind.MITIGATION:
        words = sample_mitigation(AT)
        return Genuine(kind, pki, words, write_mitigation(words))
    long = genuine(Kind.FEED).words
    assert isinstance(long, Feed)
    feed = replace(long, entries=long.entries[:2], announced=())
    return Genuine(kind, pki, feed, write_feed(feed))


def _sign_anew() -> dict[Kind, list[bytes]]:
    """Keep two documents under new keys; returns them with all that is hostile and made of them."""
    pki = SmallPki(at=AT)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "anchor.pem").write_bytes(pki.anchors_pem())
    made: dict[Kind, list[bytes]] = {}
    for kind in Kind:
        one = small(kind, pki)
        (FOLDER / f"{kind}.xml").write_bytes(one.signed)
        made[kind] = [one.signed, *_hostile(one)]
        crls = [pki.crl(kind), pki.crl(kind, revoked=[one.signer.chain[0].serial_number])]
        made[kind] += [b64encode(der(certificate)) for certificate in pki.certificates(kind).values()]
        made[kind] += [b64encode(crl.public_bytes(Encoding.DER)) for crl in crls]
    return made


def _hostile(one: Genuine) -> Iterator[bytes]:
    for name, rows in classes().items():
        for row in rows if name != "tampering-everywhere" else ():
            if one.kind in row.kinds:
                try:
                    document = row.make(one)
                except (AssertionError, ValueError, TypeError, SyntaxError):
                    continue  # made for the longer documents, or for RSA alone
                if len(document) <= MOST_BYTES:
                    yield document


def _reach(target: Callable[[bytes], None], data: bytes) -> frozenset[_Jump]:
    """Every jump from line to line within our code that this input takes."""
    jumps: set[_Jump] = set()

    def watch(frame: FrameType, _event: str, _argument: object) -> Any:  # noqa: ANN401 - as sys.settrace has it
        if not frame.f_code.co_filename.startswith(_WATCHED):
            return None
        name, last = frame.f_code.co_filename, -1

        def step(inner: FrameType, event: str, _argument: object) -> Any:  # noqa: ANN401 - as above
            nonlocal last
            if event == "line":
                jumps.add((name, last, inner.f_lineno))
                last = inner.f_lineno
            return step

        return step

    sys.settrace(watch)
    try:
        target(data)
    finally:
        sys.settrace(None)
    return frozenset(jumps)


def smallest(target: Callable[[bytes], None], inputs: Iterable[bytes]) -> list[bytes]:
    """The inputs, short ones first, of which each reaches something that none before it does."""
    target(b"")
    reached: set[_Jump] = set()
    chosen = []
    for data in sorted(set(inputs), key=lambda one: (len(one), one)):
        new = _reach(target, data)
        if not new <= reached:
            reached |= new
            chosen.append(data)
    return chosen


def main() -> None:
    """Keep what is worth keeping."""
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - reads the kept documents, which may have to be made first

    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.keeping", description=__doc__)
    parser.add_argument("--new-keys", action="store_true", help="Sign the kept documents anew.")
    parser.add_argument("folders", nargs="*", type=Path, help="Folders of inputs that a fuzzer found.")
    asked = parser.parse_args()
    made = [one for many in _sign_anew().values() for one in many] if asked.new_keys else []
    found = [path.read_bytes() for folder in asked.folders for path in sorted(folder.iterdir())]
    authored = [path.read_bytes() for path in sorted((_HERE / "mitigations").glob("*.xml"))]
    for name, target in TARGETS.items():
        kept = CORPUS / name
        kept.mkdir(parents=True, exist_ok=True)
        before = {} if asked.new_keys else {path: path.read_bytes() for path in kept.iterdir()}
        chosen = smallest(target, [*made, *found, *before.values(), *authored])
        for path in kept.iterdir():
            path.unlink()
        for data in chosen:
            (kept / sha256(data).hexdigest()[:16]).write_bytes(data)
        sys.stdout.write(f"{name}: {len(chosen)} inputs, {sum(map(len, chosen))} bytes\n")


if __name__ == "__main__":
    main()
