"""What publishing one change costs, with ten mitigations in force and with a thousand.

`python -m tests.bench.publishing` prints a table. The change is one more revision of one mitigation,
brought to the shelf by the whole cycle: lints, signing, both verifications, page and bundle. What it
costs is what the command costs; the cycle inside a process that is already warm is shown as well.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

from feedsrv.publishing.cycle import PublishCycle, Signers
from feedsrv.wsgi.site import PublicPage
from tests.bench.rounds import Ratio, medians
from tests.publisher import CATALOGUE, House, heartbeat, open_house, shared_pki, written

FEW: Final = 10
MANY: Final = 1000
AT_MOST: Final = 3.0
ROUNDS: Final = 11

REWRITE: Final = """<UrlRewrite id="A1" name="no way in"><Site name="Default Web Site"/><Inbound pattern=".*">
  <Conditions><Condition input="{UrlDecode:{REQUEST_URI}}" pattern="way-in"/></Conditions>
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
    folder: Path
    number: int
    rewrites: bool
    changes: count[int]

    def prepare(self) -> None:
        """Write and review the next revision; not counted."""
        words = document(self.number, next(self.changes), rewrites=self.rewrites)
        imported = self.house.workflow.import_mitigation(words, source="bench.xml", by="anna")
        self.house.approve(imported.revision.id)

    def publish(self) -> None:
        """The cycle, in this process."""
        outcome = cycle_of(self.house).run(by="paula", at=self.house.now())
        assert [one for one, _ in outcome.revisions] == [f"M{self.number:04}"], outcome
        assert [head.name for head in outcome.feeds] == ["exchange-2019/production"], outcome

    def command(self) -> None:
        """The command, as a person or cron calls it."""
        settings = {
            "FEEDSRV_DATABASE_URL": f"sqlite:///{self.folder}/feedsrv.db",
            "FEEDSRV_SHELF": str(self.folder / "shelf"),
            "FEEDSRV_DEVELOPMENT_KEYS": str(shared_pki()),
        }
        done = subprocess.run(
            [sys.executable, "-m", "feedsrv", "feed", "publish", "--as", "paula"],
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"published M{self.number:04}" in done.stdout, done.stdout


CASES: Final = (
    # What is counted, the mitigation that changes, whether it holds a rule, whether the goal is for it.
    ("feed publish, a changed rewrite rule", Contender.command, 5, True, True),
    ("feed publish, a changed application pool", Contender.command, 6, False, True),
    ("the cycle alone, a changed rewrite rule", Contender.publish, 7, True, False),
    ("the cycle alone, a changed application pool", Contender.publish, 8, False, False),
)


def main() -> int:
    """Measure, print, and say with the exit code whether the goal was reached."""
    missed = False
    with tempfile.TemporaryDirectory(prefix="feedsrv-bench-") as root:
        folders = {size: Path(root) / str(size) for size in (FEW, MANY)}
        for folder in folders.values():
            folder.mkdir()
        houses = {size: house_of(folder, size) for size, folder in folders.items()}
        for name, counted, number, rewrites, has_goal in CASES:
            contenders = {
                str(size): Contender(houses[size], folders[size], number, rewrites, count(1))
                for size in houses
            }
            taken = medians(
                {size: partial(counted, one) for size, one in contenders.items()},
                rounds=ROUNDS,
                before={size: one.prepare for size, one in contenders.items()},
            )
            few, many = taken[str(FEW)], taken[str(MANY)]
            ratio = Ratio(f"{name} among {MANY}", f"among {FEW}", many, few, AT_MOST if has_goal else None)
            sys.stdout.write(f"{ratio}\n")
            missed |= ratio.is_missed
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
