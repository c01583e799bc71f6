"""The agent's numbered events: conditions that a person must act on, and single acts worth a line.

Numbers 1000 to 1999. A number is a promise to whoever watches for it: it is never reused or moved. A
condition's end has the number after that of its begin. `docs/agent.md` says how they are told.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from feedsrv.observability.events import Condition

_APPLIED_STAYS: Final = "What is applied stays applied."

TABLE: Final[tuple[Condition, ...]] = (
    Condition(
        "publisher.unreachable",
        1000,
        logging.WARNING,
        "the publisher cannot be reached",
        "The network, a firewall, a proxy, or the publisher's server. The detail names the step that fails: "
        "DNS, connection, TLS, HTTP or bundle.",
        f"Run `feedsrv-agent test`, and mend the step that it names. {_APPLIED_STAYS} It ends only once a "
        "feed was fetched and trusted again.",
    ),
    Condition(
        "feed.refused",
        1002,
        logging.WARNING,
        "what the publisher serves as its feed is not trusted",
        "A wrong anchor here, an expired or revoked certificate of the publisher's, or an attack. The detail "
        "names the step of verification and the code.",
        f"Look the code up, and ask the publisher by another way than this server. {_APPLIED_STAYS} Nothing "
        "new is accepted.",
    ),
    Condition(
        "feed.stale",
        1004,
        logging.WARNING,
        "the newest trusted feed has expired",
        "The publisher's refresh has stopped, something on the way keeps new feeds back, or this machine's "
        "clock is fast.",
        "Compare this machine's clock, then ask the publisher why the feed is not refreshed. "
        f"{_APPLIED_STAYS} Nothing new is applied.",
    ),
    Condition(
        "feed.history",
        1006,
        logging.ERROR,
        "an older or a second history of the feed is served",
        "A server that was set back, a mirror that replays, or somebody else who signs with the publisher's "
        "key.",
        "Tell the publisher at once. If a key was stolen, its revocation lets this agent go on by itself.",
    ),
    Condition(
        "feed.key_revoked",
        1008,
        logging.ERROR,
        "what is trusted here was signed by a key that is revoked by now",
        "The publisher revoked the key, perhaps because it was stolen.",
        "Wait for what the publisher signs with its new key; ask if none comes within a day. "
        f"{_APPLIED_STAYS} Nothing is begun by what the revoked key signed.",
    ),
    Condition(
        "mitigation.refused",
        1010,
        logging.WARNING,
        "a mitigation that the feed names could not be had or is not trusted",
        "A file missing at the publisher's, an expired or revoked certificate, or an attack; the detail says "
        "which.",
        "Ask the publisher. The revision held before stays in force.",
    ),
    Condition(
        "mitigation.failed",
        1012,
        logging.ERROR,
        "a mitigation that this server needs is not in force",
        "The change could not be made, or has no effect; the detail names file and line.",
        "Mend the cause, then run `feedsrv-agent repair`.",
    ),
    Condition(
        "mitigation.rollback_failed",
        1014,
        logging.ERROR,
        "a mitigation that has ended could not be taken back",
        "This server's configuration cannot be written, or was changed meanwhile; the detail says where.",
        "Mend the cause; the next sync tries again.",
    ),
    Condition(
        "mitigation.conflict",
        1016,
        logging.WARNING,
        "the name of a mitigation's rule is taken by a rule that is not ours",
        "Somebody wrote a rule of that name.",
        "Rename or remove that rule, then run `feedsrv-agent repair`. It is never overwritten.",
    ),
    Condition(
        "mitigation.disabled",
        1018,
        logging.WARNING,
        "a mitigation is in place and has no effect",
        "A `<clear/>`, a `<remove>` or a switch elsewhere in the configuration takes it.",
        "Look at the file and line in the detail.",
    ),
    Condition(
        "mitigation.blocked",
        1020,
        logging.WARNING,
        "a mitigation is blocked, and still in place",
        "Somebody ran `feedsrv-agent block`, which takes nothing away.",
        "`feedsrv-agent remove` takes it back, `feedsrv-agent unblock` goes on with it.",
    ),
    Condition(
        "build.unknown",
        1022,
        logging.WARNING,
        "the build of this server is not known",
        "Nobody said it, or the file that says it cannot be read.",
        "Run `feedsrv-agent set-build`. Until then nothing is applied.",
    ),
    Condition(
        "agent.switched_off",
        1024,
        logging.WARNING,
        "the agent only checks and changes nothing",
        "`auto-apply` is off on this server or for its pool, or the pool's file cannot be read.",
        "Run `feedsrv-agent config --auto-apply on`, or see to the pool's file.",
    ),
    Condition(
        "crl.stale",
        1026,
        logging.WARNING,
        "a revocation list of the publisher's has ended",
        "The publisher has not renewed it, or something on the way keeps the new one back; or this machine's "
        "clock is fast.",
        "Compare this machine's clock, then ask the publisher for a new list; a bundle brings it, too. "
        f"{_APPLIED_STAYS} New documents of that issuer are refused.",
    ),
    Condition(
        "crl.forged",
        1028,
        logging.WARNING,
        "a revocation list that is offered is nobody's who may issue it, or takes no other's place",
        "The server or mirror hands out a damaged, forged or partial list, or one that is still to begin.",
        "Ask whoever runs it. Lists held here that are genuine go on counting.",
    ),
    Condition(
        "exception.in_force",
        1030,
        logging.WARNING,
        "one check is relaxed here by an administrator",
        "Somebody ran `feedsrv-agent exception add`; the detail says why and until when.",
        "Have the publisher mend its certificate, then run "
        "`feedsrv-agent exception remove`. It ends by itself.",
    ),
    Condition(
        "announcement.not_adopted",
        1032,
        logging.WARNING,
        "the publisher announces a root that is not trusted here",
        "No anchor pinned here vouches for it, its voucher does not hold, or adopting is switched off.",
        "Compare its fingerprint by another way than this server, and pin it beside the others with "
        "`feedsrv-agent config --anchor`, which names all of them, before the day it begins. Where nobody "
        "at the publisher's knows it, its feed key is stolen.",
    ),
    Condition(
        "anchor.revoked",
        1034,
        logging.WARNING,
        "a root that was adopted is not trusted any more",
        "The anchor that vouched for it has revoked its voucher.",
        "Nothing, or `feedsrv-agent trust forget`; ask the publisher what happened.",
    ),
    Condition(
        "clock.implausible",
        1036,
        logging.WARNING,
        "this machine's clock is behind what the publisher signed",
        "The clock was set back, or its battery is empty.",
        "Set the clock, and see that it is kept by NTP. Until then certificates may seem not to have begun.",
    ),
    Condition(
        "state.damaged",
        1038,
        logging.ERROR,
        "the agent's own files cannot be read or written",
        "A damaged or full disk, missing rights, or somebody edited them.",
        "Do what the detail says. Nothing is changed on this server until then.",
    ),
    Condition(
        "settings.unusable",
        1040,
        logging.ERROR,
        "the agent's settings cannot be used",
        "A setting is missing or wrong, or a file that it names cannot be read.",
        "Do what the detail says; `feedsrv-agent config` shows all settings.",
    ),
    Condition(
        "server.unreadable",
        1042,
        logging.ERROR,
        "this server's configuration cannot be read",
        "It is not where the settings say, it is damaged, or rights are missing.",
        "Do what the detail says. Nothing is changed on this server until then.",
    ),
    Condition(
        "sync.failing",
        1044,
        logging.ERROR,
        "syncs end in the middle",
        "A fault of the agent's own.",
        "Report the traceback beside `sync.failed` in the log. The agent goes on trying.",
    ),
)
"""Every condition that an agent can be in."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that was done or happened, told when it happens and over with that."""

    name: str
    number: int
    level: int
    summary: str


ACTS: Final[tuple[Act, ...]] = (
    Act("agent.started", 1500, logging.INFO, "`run` has begun"),
    Act("agent.stopped", 1501, logging.INFO, "`run` has ended because it was told to"),
    Act("sync.done", 1502, logging.INFO, "a sync came to its end; `problems` counts what went wrong"),
    Act("sync.failed", 1503, logging.ERROR, "a sync could not come to its end"),
    Act("sync.retry", 1504, logging.INFO, "the next try, after an error"),
    Act("mitigation.applied", 1510, logging.INFO, "a mitigation is in force now"),
    Act("mitigation.rolled_back", 1511, logging.INFO, "a mitigation was taken back"),
    Act("mitigation.repaired", 1512, logging.WARNING, "what somebody removed or changed was put right"),
    Act("mitigation.pending", 1513, logging.INFO, "what would be done if changing were switched on"),
    Act("mitigation.waits", 1514, logging.INFO, "a mitigation stays until the one that replaces it stands"),
    Act("journal.recovered", 1515, logging.WARNING, "what a crash left half done was brought back"),
    Act(
        "feed.floor_fell", 1520, logging.WARNING, "a feed of a revoked key or a former anchor keeps none out"
    ),
    Act("exception.used", 1521, logging.WARNING, "a document was accepted only by an exception"),
    Act("anchor.adopted", 1522, logging.WARNING, "an announced root is an anchor from now on"),
    Act("anchor.forgotten", 1523, logging.WARNING, "an adopted root is no anchor any more"),
)
"""Every single act that is logged."""

_ACTS: Final[Mapping[str, Act]] = MappingProxyType({one.name: one for one in ACTS})


def numbered(name: str, **about: object) -> dict[str, object]:
    """The fields of a log line about an act, its number last.

    Raises:
        KeyError: an act that is not in the table.
    """
    return {**about, "event": _ACTS[name].number}


def tell_act(log: logging.Logger, name: str, **about: object) -> None:
    """Log an act with its number and what it is about.

    Raises:
        KeyError: an act that is not in the table.
    """
    log.log(_ACTS[name].level, name, extra=numbered(name, **about))
