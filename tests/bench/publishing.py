"""What publishing one change costs, with ten mitigations in force and with a thousand.

`python -m tests.bench.publishing` prints a table. The change is one more revision of one mitigation,
brought to the shelf by the whole cycle: lints, signing, both verifications, page and bundle.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from feedsrv.cli.common import PublicPage
from feedsrv.publishing.cycle import PublishCycle, Signers
from tests.bench.rounds import Ratio, medians
from tests.publisher import CATALOGUE, House, heartbeat, open_house, shared_pki, written

FEW: Final = 10
MANY: Final = 1000
AT_MOST: Final = 3.0
ROUNDS: Final = 11

REWRITE: Final = """<UrlRewrite id="A1" name="no way in"><Site name="Default Web Site"/><Inbound pattern=".*">
  <Conditions><Condition input="{UrlDecode:{REQUEST_URI}}" pattern="/way-in"/></Conditions>
  <AbortRequest/></Inbound></UrlRewrite>"""
SAMPLES: Final = (
    """<Samples><MustBlock name="attack" url="/way-in?x"/><MustPass name="work" url="/owa/"/></Samples>"""
)
POOL: Final = '<AppPool id="A1" name="MSExchangeOWAAppPool"/>'


def document(number: int, change: int, *, rewrites: bool) -> bytes:
    """A mitigation, in its so manieth wording."""
    text = written(
        f"M{number:04}",
        title=f"No way in, wording {change}",
        vulnerability=f"CVE-2026-{1000 + number}",
        change=f"Wording {change}.",
        action=REWRITE if rewrites else POOL,
    )
    return text.replace(b"</Mitigation>", SAMPLES.encode() + b"</Mitigation>") if rewrites else text


def house_of(folder: Path, mitigations: int) -> House:
    """A publisher with that many mitigations in force."""
    house = open_house(folder, shared_pki())
    house.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
    pages = [document(number, 0, rewrites=False) for number in range(1, mitigations)]
    for one in (heartbeat(), *pages):
        house.approve(house.workflow.import_mitigation(one, source="bench.xml", by="anna").revision.id)
    cycle_of(house).run(by="paula", at=house.now())
    return house


def cycle_of(house: House) -> PublishCycle:
    """The cycle with the page that people see."""
    return PublishCycle(
        house.store,
        house.shelf,
        house.lock,
        signers=Signers(house.signers.mitigation, house.signers.feed),
        policy=house.policy,
        page=PublicPage("bench", ("00" * 32,)),
        fixed_files={"v1/trust/anchors.pem": house.pki.anchors.read_bytes()},
    )


@dataclass(frozen=True)
class Contender:
    """A publisher, and the mitigation of which it publishes one more revision each time."""

    house: House
    number: int
    rewrites: bool
    changes: count[int]

    def prepare(self) -> None:
        """Write and review the next revision; not counted."""
        words = document(self.number, next(self.changes), rewrites=self.rewrites)
        imported = self.house.workflow.import_mitigation(words, source="bench.xml", by="anna")
        self.house.approve(imported.revision.id)

    def publish(self) -> None:
        """What is counted."""
        outcome = cycle_of(self.house).run(by="paula", at=self.house.now())
        assert [one for one, _ in outcome.revisions] == [f"M{self.number:04}"], outcome
        assert [head.name for head in outcome.feeds] == ["exchange-2019/production"], outcome


def main() -> int:
    """Measure, print, and say with the exit code whether the goal was reached."""
    with tempfile.TemporaryDirectory(prefix="feedsrv-bench-") as folder:
        houses = {}
        for size in (FEW, MANY):
            (place := Path(folder) / str(size)).mkdir()
            houses[size] = house_of(place, size)
        missed = False
        for kind, number, rewrites in (("rewrite rule", 5, True), ("application pool", 6, False)):
            contenders = {
                size: Contender(house, number, rewrites, count(1)) for size, house in houses.items()
            }
            taken = medians(
                {str(size): one.publish for size, one in contenders.items()},
                rounds=ROUNDS,
                before={str(size): one.prepare for size, one in contenders.items()},
            )
            few, many = taken[str(FEW)], taken[str(MANY)]
            ratio = Ratio(f"a changed {kind} among {MANY}", f"among {FEW}", many, few, AT_MOST)
            sys.stdout.write(f"{ratio}\n")
            missed |= ratio.is_missed
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
